import koffi from 'koffi';
import {
  DRM_IOCTL_VIRTGPU_EXECBUFFER,
  drm_virtgpu_execbuffer,
  drm_virtgpu_execbuffer_syncobj,
  VIRTGPU_EXECBUF_FENCE_FD_IN,
  VIRTGPU_EXECBUF_FENCE_FD_OUT,
} from '../../uapi/headers/drm/virtgpu-drm.ts';
import { tryIoctl } from '../../uapi/ioctl.ts';
import type { BufferObject, CopyJob, FillJob, Job, Outcome, SubmitRequest } from '../contract.ts';
import { handleOf } from '../drm-session.ts';
import { copyRegion, inlineWrite } from '../virtio-gpu-protocol.ts';
import { resourceInfo } from '../virtio-gpu-resource.ts';

/** A copy between buffers of the host; what the guest sees moves with `transfer`. */
export function submitCopy(fd: number, job: CopyJob, how: SubmitRequest): Outcome<Job> {
  const source = resourceOf(fd, job.source);
  if (!source.ok) return source;
  const target = resourceOf(fd, job.target);
  if (!target.ok) return target;
  const stream = copyRegion(
    { resource: target.value, offset: Number(job.targetOffset) },
    { resource: source.value, offset: Number(job.sourceOffset), size: Number(job.size) },
  );
  return execute(fd, stream, [handleOf(job.target), handleOf(job.source)], how);
}

/** A fill whose words travel in the stream. */
export function submitFill(fd: number, job: FillJob, how: SubmitRequest): Outcome<Job> {
  const target = resourceOf(fd, job.target);
  if (!target.ok) return target;
  const size = Number(job.size);
  const word = Buffer.alloc(4);
  word.writeUInt32LE(job.value);
  const range = { resource: target.value, offset: Number(job.offset), size };
  const stream = inlineWrite(range, Buffer.alloc(size, word));
  return execute(fd, stream, [handleOf(job.target)], how);
}

function resourceOf(fd: number, buffer: BufferObject): Outcome<number> {
  const info = resourceInfo(fd, handleOf(buffer));
  return info.ok ? { ok: true, value: info.value.resource } : info;
}

/**
 * DRM_IOCTL_VIRTGPU_EXECBUFFER. The buffers get the job's fence; the first is what `waitJob` waits
 * for. The call itself waits for fences that it is given, so it may block.
 * Source: drivers/gpu/drm/virtio/virtgpu_submit.c, virtio_gpu_execbuffer_ioctl()
 */
export function execute(
  fd: number,
  stream: Buffer,
  handles: readonly [number, ...number[]],
  how: SubmitRequest,
): Outcome<Job> {
  // A buffer that is named twice cannot be locked: EALREADY.
  const list = Buffer.from(Uint32Array.from(new Set(handles)).buffer);
  const waits = syncobjs(how.syncobjsIn);
  const signals = syncobjs(how.syncobjsOut);
  const wanted = how.fenceOut === true ? VIRTGPU_EXECBUF_FENCE_FD_OUT : 0;
  const given = how.fenceIn === undefined ? 0 : VIRTGPU_EXECBUF_FENCE_FD_IN;
  const arg = drm_virtgpu_execbuffer.make({
    flags: wanted | given,
    size: stream.length,
    command: koffi.address(stream),
    bo_handles: koffi.address(list),
    num_bo_handles: list.length / 4,
    fence_fd: how.fenceIn ?? -1,
    ...(waits.length + signals.length > 0 && {
      syncobj_stride: drm_virtgpu_execbuffer_syncobj.size,
    }),
    ...(waits.length > 0 && { num_in_syncobjs: waits.length, in_syncobjs: waits.address }),
    ...(signals.length > 0 && { num_out_syncobjs: signals.length, out_syncobjs: signals.address }),
  });
  const pointees = [stream, list, waits.bytes, signals.bytes];
  const { errno } = tryIoctl(fd, DRM_IOCTL_VIRTGPU_EXECBUFFER, arg, { pointees });
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_VIRTGPU_EXECBUFFER.name };
  const id = handles[0];
  if (wanted === 0) return { ok: true, value: { id } };
  return { ok: true, value: { id, fence: drm_virtgpu_execbuffer.get(arg, 'fence_fd') } };
}

interface SyncobjArray {
  readonly length: number;
  readonly address: bigint;
  readonly bytes: Buffer;
}

/** Point 0: the syncobj as a whole. */
function syncobjs(handles: readonly number[] = []): SyncobjArray {
  const items = handles.map((handle) => drm_virtgpu_execbuffer_syncobj.make({ handle }));
  const bytes = Buffer.concat(items);
  return { length: items.length, address: items.length > 0 ? koffi.address(bytes) : 0n, bytes };
}
