import { E } from '../../../uapi/errno.ts';
import { tryRawMethod } from '../../../uapi/rdma/uverbs-ioctl.ts';
import { tryClose } from '../../../uapi/sys.ts';
import { destroyerOf } from '../../uverbs-names.ts';
import { descriptorOf } from '../values.ts';
import type { PointContext } from '../verb.ts';

/** What raw calls made: it goes when the point, or the round of a repeat, ends. */

export interface Target {
  readonly fd: number;
  /** Its number may be another file's by now. */
  isClosed(): boolean;
}

/** The descriptor that a step calls: the one that it names, or the session's. */
export function targetOf(fd: string | undefined, context: PointContext): Target {
  if (fd === undefined) {
    const { session } = context;
    return { fd: session.session.fd, isClosed: () => session.closed };
  }
  const value = context.scope.resolve(fd);
  const isClosed = () => typeof value !== 'object' || ('closed' in value && value.closed);
  return { fd: descriptorOf(value), isClosed };
}

/** A descriptor, or a handle with the kind of object as descriptions name it. */
export type Made = { readonly fd: number } | { readonly object: string; readonly handle: number };

/**
 * ENOENT: the case destroyed it; EINVAL: the handle is by now another kind's; EBUSY: something that
 * this stack does not know uses it, and both go with the session.
 */
const NOTHING_TO_DO: readonly number[] = [E.ENOENT, E.EINVAL, E.EBUSY];

export function holdMade(
  made: Made,
  target: Target,
  driverId: number,
  context: PointContext,
): void {
  if ('fd' in made) {
    context.release.push('descriptor', () => {
      // EBADF when the case closed it; what has its number now came later and went before.
      tryClose(made.fd);
      return 0;
    });
    return;
  }
  const destroyer = destroyerOf(made.object);
  if (destroyer === undefined) return;
  const { method, handle } = destroyer;
  const header = { object: method.object.id, method: method.id, driverId };
  context.release.push(`${made.object} ${made.handle}`, () => {
    if (target.isClosed()) return 0;
    const rest = method.attributes.filter((one) => one !== handle && one.mandatory);
    const outputs = rest.map(({ id, minLength }) => ({ id, data: Buffer.alloc(minLength) }));
    const attributes = [{ id: handle.id, data: made.handle }, ...outputs];
    const outcome = tryRawMethod(target.fd, header, attributes);
    return outcome.ok || NOTHING_TO_DO.includes(outcome.errno) ? 0 : outcome.errno;
  });
}
