import { gemClose } from '../../uapi/drm.ts';
import { Mapping } from '../../uapi/mapping.ts';
import type { BufferObject, CopyJob, FillJob, Job, Outcome } from '../contract.ts';
import { handleOf } from '../drm-session.ts';
import {
  addressRelocation,
  type Command,
  execute,
  surfaceRelocation,
  surfaceRelocationIn,
  updateArea,
} from './execbuffer.ts';
import { movesOf, PIXEL_BYTES, ROW_BYTES, rectsOf } from './geometry.ts';
import {
  copyBitsPacket,
  copyPacket,
  DRAWABLE_COPY_SOURCE,
  DRAWABLE_SURFACE_ID,
  DRAWABLE_SURFACES_DEST,
  fillPacket,
  IMAGE_SURFACE_ID,
  surfaceImage,
} from './packets.ts';
import { allocPage, mapSurface, rowsOf } from './surface.ts';

const ROW_PIXELS = Number(ROW_BYTES / PIXEL_BYTES);

/** The kernel numbers no jobs: what is waited for is the surface that one draws on. */
export interface SurfaceJob extends Job {
  readonly target: BufferObject;
}

/** One command for each rectangle: DRAW_FILL with a brush of one colour. */
export function fill(fd: number, { target, offset, size, value }: FillJob): Outcome<SurfaceJob> {
  const commands = rectsOf(offset, size).map((rect) => ({
    packet: fillPacket(rect, value),
    relocations: [onto(target)],
  }));
  return submit(fd, target, commands);
}

/** Within a surface COPY_BITS; else DRAW_COPY from the other surface, as an image. */
export function copy(fd: number, job: CopyJob): Outcome<SurfaceJob> {
  const { source, target } = job;
  const moves = movesOf(job.sourceOffset, job.targetOffset, job.size);
  if (handleOf(source) === handleOf(target)) {
    const relocations = [onto(target)];
    const commands = moves.map((move) => ({ packet: copyBitsPacket(move), relocations }));
    return submit(fd, target, commands);
  }
  const image = makeImage(fd, source);
  if (!image.ok) return image;
  const relocations = [
    onto(target),
    surfaceRelocation(handleOf(source), DRAWABLE_SURFACES_DEST),
    addressRelocation(image.value, DRAWABLE_COPY_SOURCE),
    surfaceRelocationIn(image.value, handleOf(source), IMAGE_SURFACE_ID),
  ];
  const commands = moves.map((move) => ({ packet: copyPacket(move), relocations }));
  const submitted = submit(fd, target, commands);
  gemClose(fd, image.value); // the kernel holds it while a command needs it
  return submitted;
}

/** Waits for all that is drawn on the surface; the time is the driver's own, 5 s. */
export function wait(fd: number, job: Job): Outcome<undefined> {
  const { target } = job as SurfaceJob; // what submit() gave
  return updateArea(fd, handleOf(target), ROW_PIXELS, rowsOf(target));
}

function onto(target: BufferObject) {
  return surfaceRelocation(handleOf(target), DRAWABLE_SURFACE_ID);
}

function submit(
  fd: number,
  target: BufferObject,
  commands: readonly Command[],
): Outcome<SurfaceJob> {
  const executed = execute(fd, commands);
  return executed.ok ? { ok: true, value: { id: handleOf(target), target } } : executed;
}

/** The handle of a page of video memory that says: the image is that surface. */
function makeImage(fd: number, source: BufferObject): Outcome<number> {
  const page = allocPage(fd);
  if (!page.ok) return page;
  const handle = handleOf(page.value);
  const plan = mapSurface(fd, page.value);
  if (!plan.ok) return plan;
  const mapped = Mapping.tryMap({ ...plan.value, length: Number(page.value.size) });
  if (!mapped.ok) return { ok: false, errno: mapped.errno, call: 'mmap of an image' };
  using view = mapped.value;
  view.write(0, surfaceImage(ROW_PIXELS, rowsOf(source)));
  return { ok: true, value: handle };
}
