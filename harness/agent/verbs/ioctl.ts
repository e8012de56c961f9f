import { GuardedPage, noAccessPage, readOnlyPage } from '../../../uapi/argument-memory.ts';
import type { AnyStruct, Command } from '../../../uapi/description.ts';
import { decodeIoc, encodeIoc } from '../../../uapi/ioc.ts';
import { type IoctlArgument, tryIoctl } from '../../../uapi/ioctl.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { patternBytes } from '../pattern.ts';
import { CaseDefect, descriptorOf, type Fields, type Scalar } from '../values.ts';
import {
  type Arguments,
  fdOf,
  gaveFields,
  type PointContext,
  refused,
  type VerbResult,
} from '../verb.ts';

/**
 * One named command with named fields, and what may be wrong with its number or its argument:
 * the form in which driver-specific cases and those of area `ioctl` are written.
 */

/** In the direction bits of a command number. Source: include/uapi/asm-generic/ioctl.h */
const DIRECTIONS = { none: 0, write: 1, read: 2, 'read-write': 3 } as const;

/** An address of the kernel's half: never the caller's, so never readable. */
const KERNEL_ADDRESS = 0xffff_8000_0000_0000n;

/** What lies behind a struct that is passed shorter than it is, and must lie there afterwards. */
const BEHIND = 'byte:0xa5';

export function ioctl(args: Arguments<'ioctl'>, context: PointContext): VerbResult {
  const command = context.command(args.command);
  const request = requestOf(command, args, context);
  const fd = args.fd === undefined ? context.session.session.fd : fdOf(args.fd, context);
  const argument = buildArgument(command, decodeIoc(request).size, args, context);
  const placed = place(argument.bytes, args.argument, context);
  const { ret, errno } = tryIoctl(fd, { ...command, request }, placed.address);
  placed.release();
  const changed = changedTail(argument, args);
  if (changed !== undefined) return changed;
  if (errno !== 0) return refused({ errno, call: command.name });
  return gaveFields({ ...decoded(command.struct, argument.bytes), result: ret });
}

function requestOf(command: Command, args: Arguments<'ioctl'>, context: PointContext): number {
  const { encode } = args;
  if (encode === undefined) return command.request;
  const base = decodeIoc(command.request);
  const number = (value: number | string | undefined, fallback: number) =>
    value === undefined ? fallback : Number(context.scope.scalar(value));
  return encodeIoc({
    direction: encode.direction === undefined ? base.direction : DIRECTIONS[encode.direction],
    type: number(encode.type, base.type),
    nr: number(encode.nr, base.nr),
    size: encode.size === undefined ? base.size : Number(context.scope.size(encode.size)),
  });
}

interface Argument {
  readonly bytes: Buffer;
  /** Where what the kernel is told about ends. */
  readonly end: number;
  /** What must still lie behind that end after the call. */
  readonly tail: Buffer;
}

function buildArgument(
  command: Command,
  encodedSize: number,
  args: Arguments<'ioctl'>,
  context: PointContext,
): Argument {
  const { struct } = command;
  const head =
    struct === undefined ? Buffer.alloc(command.size) : makeStruct(struct, args, context);
  // The number tells the size of the struct, never that of a flexible array behind it.
  const end = args.encode?.size === undefined ? head.length : Math.min(head.length, encodedSize);
  const pattern = args.tail === undefined ? BEHIND : String(context.scope.scalar(args.tail));
  const bytes = patternBytes(pattern, 0n, Math.max(head.length, encodedSize));
  head.copy(bytes, 0, 0, end);
  return { bytes, end, tail: Buffer.from(bytes.subarray(end)) };
}

function makeStruct(struct: AnyStruct, args: Arguments<'ioctl'>, context: PointContext): Buffer {
  const fields = Object.entries(args.fields ?? {});
  const bytes = struct.make({}, sizeWith(struct, fields));
  for (const [path, value] of fields) {
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries())
        struct.set(bytes, `${path}[${i}]`, fieldValue(item, context));
    } else {
      struct.set(
        bytes,
        path,
        struct.field(path).kind === 'chars' ? textOf(value, context) : fieldValue(value, context),
      );
    }
  }
  return bytes;
}

function textOf(value: Scalar, context: PointContext): string {
  return String(context.scope.scalar(value));
}

/** Bytes of the struct and of as much of its flexible array as the fields reach into. */
function sizeWith(
  struct: AnyStruct,
  fields: readonly (readonly [path: string, value: unknown])[],
): number {
  const ends = fields.map(([path, value]) => {
    const { offset, size, field } = struct.field(path);
    if (field.kind !== 'array' || !field.flexible || !Array.isArray(value)) return offset + size;
    return offset + value.length * field.element.size;
  });
  return Math.max(struct.size, ...ends);
}

/**
 * Integers, also as `0x…`, sizes with units, references. A descriptor stands for its number, a
 * mapping for its address: so a case says what a pointer in a struct leads to.
 */
function fieldValue(value: Scalar, context: PointContext): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (/^\$[a-zA-Z0-9]+$/.test(value)) {
    const named = context.scope.resolve(value);
    if (typeof named === 'object' && named.kind === 'mapping') return named.mapping.address;
    if (typeof named === 'object') return descriptorOf(named);
  }
  return /^-\d+$/.test(value) ? BigInt(value) : context.scope.size(value);
}

interface Placed {
  readonly address: IoctlArgument;
  release(): void;
}

const nothing = () => {};

function place(
  bytes: Buffer,
  where: Arguments<'ioctl'>['argument'],
  context: PointContext,
): Placed {
  if (where === undefined) return { address: bytes, release: nothing };
  const named = where.startsWith('$') ? context.scope.resolve(where) : where;
  if (typeof named === 'object') {
    const { mapping } = context.scope.value(where, 'mapping');
    return { address: mapping.address, release: nothing };
  }
  switch (named) {
    case 'null':
      return { address: null, release: nothing };
    case 'kernel':
      return { address: KERNEL_ADDRESS, release: nothing };
    case 'unmapped':
      return inMapping(noAccessPage());
    case 'read-only':
      return inMapping(readOnlyPage(bytes));
    case 'split': {
      if (bytes.length < 2)
        throw new CaseDefect('an argument of less than 2 bytes cannot be split');
      const guarded = GuardedPage.create('no-access');
      const address = guarded.placeAcross(bytes, bytes.length >> 1);
      return { address, release: () => guarded[Symbol.dispose]() };
    }
    default:
      throw new CaseDefect(`${String(named)} is no place for an argument`);
  }
}

function inMapping(mapping: Mapping): Placed {
  return { address: mapping.address, release: () => mapping.unmap() };
}

/** Bytes behind the struct belong to user space: a change means that the kernel wrote too far. */
function changedTail(argument: Argument, args: Arguments<'ioctl'>): VerbResult | undefined {
  const after = argument.bytes.subarray(argument.end);
  if (args.argument !== undefined || after.equals(argument.tail)) return undefined;
  const at = after.findIndex((byte, i) => byte !== argument.tail[i]);
  return {
    kind: 'mismatch',
    expected: `the ${after.length} bytes behind the argument as they were`,
    actual: `byte ${argument.end + at} changed`,
    detail: `before ${argument.tail.toString('hex')}\nafter  ${after.toString('hex')}`,
  };
}

function decoded(struct: AnyStruct | undefined, bytes: Buffer): Fields {
  return struct === undefined ? {} : (struct.decode(bytes) as Fields);
}
