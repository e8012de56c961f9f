import koffi from 'koffi';
import { type CallOutcome, outcomeOf } from '../../uapi/call-outcome.ts';
import {
  DRM_IOCTL_QXL_EXECBUFFER,
  DRM_IOCTL_QXL_UPDATE_AREA,
  type DrmQxlReloc,
  drm_qxl_command,
  drm_qxl_execbuffer,
  drm_qxl_reloc,
  drm_qxl_update_area,
  QXL_RELOC_TYPE_BO,
  QXL_RELOC_TYPE_SURF,
} from '../../uapi/headers/drm/qxl-drm.ts';
import { tryIoctl } from '../../uapi/ioctl.ts';
import type { Init } from '../../uapi/layout.ts';
import { QXL_CMD_DRAW, RELEASE_INFO_BYTES } from './packets.ts';

type Relocation = Init<DrmQxlReloc>;

/** A packet and what the kernel puts into it before the device sees it. */
export interface Command {
  readonly packet: Buffer;
  readonly relocations: readonly Relocation[];
}

/** The number of a surface goes to a place in the packet. */
export function surfaceRelocation(handle: number, at: number): Relocation {
  const dst_offset = at + RELEASE_INFO_BYTES;
  return { src_handle: handle, dst_offset, reloc_type: QXL_RELOC_TYPE_SURF };
}

/** The number of a surface goes to a place in another buffer. */
export function surfaceRelocationIn(buffer: number, handle: number, at: number): Relocation {
  const reloc_type = QXL_RELOC_TYPE_SURF;
  return { src_handle: handle, dst_handle: buffer, dst_offset: at, reloc_type };
}

/** The address of a buffer, as the device sees it, goes to a place in the packet. */
export function addressRelocation(handle: number, at: number): Relocation {
  const dst_offset = at + RELEASE_INFO_BYTES;
  return { src_handle: handle, dst_offset, reloc_type: QXL_RELOC_TYPE_BO };
}

/** Source: drivers/gpu/drm/qxl/qxl_ioctl.c, qxl_execbuffer_ioctl() */
export function execute(fd: number, commands: readonly Command[]): CallOutcome<undefined> {
  const parts = commands.map(({ packet, relocations }) => ({
    packet,
    list: Buffer.concat(relocations.map((each) => drm_qxl_reloc.make(each))),
    relocs_num: relocations.length,
  }));
  const list = Buffer.concat(
    parts.map(({ packet, list, relocs_num }) =>
      drm_qxl_command.make({
        command: koffi.address(packet),
        command_size: packet.length,
        relocs: koffi.address(list),
        relocs_num,
        type: QXL_CMD_DRAW,
      }),
    ),
  );
  const arg = drm_qxl_execbuffer.make({
    commands: koffi.address(list),
    commands_num: parts.length,
  });
  const pointees = [list, ...parts.flatMap((part) => [part.packet, part.list])];
  const result = tryIoctl(fd, DRM_IOCTL_QXL_EXECBUFFER, arg, { pointees });
  return outcomeOf(result, DRM_IOCTL_QXL_EXECBUFFER.name);
}

/**
 * Has the device draw what is to be drawn of a surface, and waits until it stands in its memory; at
 * most 5 s, after which it gives success too.
 * Source: qxl_ioctl.c, qxl_update_area_ioctl(), and qxl_cmd.c, wait_for_io_cmd_user()
 */
export function updateArea(
  fd: number,
  handle: number,
  right: number,
  bottom: number,
): CallOutcome<undefined> {
  const arg = drm_qxl_update_area.make({ handle, right, bottom });
  return outcomeOf(tryIoctl(fd, DRM_IOCTL_QXL_UPDATE_AREA, arg), DRM_IOCTL_QXL_UPDATE_AREA.name);
}
