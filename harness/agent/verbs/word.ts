import { E } from '../../../uapi/errno.ts';
import { tryPread, tryPwrite, tryWrite } from '../../../uapi/sys.ts';
import { tryEventfd } from '../../../uapi/sys-file.ts';
import { CaseDefect } from '../values.ts';
import {
  type Arguments,
  fdOf,
  gave,
  gaveFields,
  type PointContext,
  refused,
  type VerbResult,
} from '../verb.ts';
import { holdDescriptor } from './device.ts';

/**
 * One number of a device or of memory: behind a mapping, or what pread(2) and pwrite(2) reach in a
 * file. Little-endian, as PCI is. A register of 32 bits behind a mapping is touched once and as a
 * whole: a DataView would go byte by byte, which many devices refuse, and an atomic store would read it, too.
 */

type Place = Arguments<'load'>;
const WIDTHS = [8, 16, 32, 64] as const;

function bytesOf({ width = 32 }: Place, context: PointContext): 1 | 2 | 4 | 8 {
  const bits = Number(context.scope.size(width));
  if (!WIDTHS.some((known) => known === bits)) throw new CaseDefect(`${bits} bits are no word`);
  return (bits / 8) as 1 | 2 | 4 | 8;
}

export function load(args: Arguments<'load'>, context: PointContext): VerbResult {
  const bytes = bytesOf(args, context);
  const offset = context.scope.size(args.offset ?? 0);
  const what = context.scope.resolve(args.from);
  if (typeof what === 'object' && what.kind === 'mapping') {
    const at = Number(offset);
    if (bytes === 1) return gaveFields({ value: what.mapping.readU8(at) });
    if (bytes === 4) return gaveFields({ value: what.mapping.loadAtomic32(at) });
    if (bytes === 8) return gaveFields({ value: what.mapping.readU64(at) });
    throw new CaseDefect('mappings have no words of 16 bits');
  }
  const word = Buffer.alloc(8);
  const { ret, errno } = tryPread(fdOf(args.from, context), word.subarray(0, bytes), offset);
  if (errno !== 0) return refused({ errno, call: 'pread' });
  return gaveFields({ value: word.readBigUInt64LE(), count: ret });
}

export function store(args: Arguments<'store'>, context: PointContext): VerbResult {
  const bytes = bytesOf({ ...args, from: args.into }, context);
  const offset = context.scope.size(args.offset ?? 0);
  const value = BigInt.asUintN(bytes * 8, context.scope.size(args.value));
  const what = context.scope.resolve(args.into);
  if (typeof what === 'object' && what.kind === 'mapping') {
    const at = Number(offset);
    if (bytes === 1) what.mapping.writeU8(at, Number(value));
    else if (bytes === 4) what.mapping.storeRegister32(at, Number(value));
    else if (bytes === 8) what.mapping.writeU64(at, value);
    else throw new CaseDefect('mappings have no words of 16 bits');
    return gaveFields();
  }
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(value);
  const fd = fdOf(args.into, context);
  const placed = tryPwrite(fd, word.subarray(0, bytes), offset);
  // What has no places, an eventfd for example, is written to as it is.
  const { ret, errno } = placed.errno === E.ESPIPE ? tryWrite(fd, word.subarray(0, bytes)) : placed;
  return errno === 0 ? gaveFields({ count: ret }) : refused({ errno, call: 'pwrite' });
}

/** A descriptor that becomes readable when somebody, a driver for example, adds to its count. */
export function eventfd(args: Arguments<'eventfd'>, context: PointContext): VerbResult {
  const { ret, errno } = tryEventfd(Number(context.scope.size(args.count ?? 0)));
  if (errno !== 0) return refused({ errno, call: 'eventfd2' });
  return gave(holdDescriptor(context, 'descriptor', ret));
}
