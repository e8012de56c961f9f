import { GuardedPage } from '../../../uapi/argument-memory.ts';
import type { Transcript } from '../../../uapi/call-record.ts';
import type { Command } from '../../../uapi/description.ts';
import { decodeIoc, encodeIoc } from '../../../uapi/ioc.ts';
import { type IoctlArgument, tryIoctl } from '../../../uapi/ioctl.ts';
import { patternBytes } from '../pattern.ts';
import { CaseDefect } from '../values.ts';
import {
  type Arguments,
  fdOf,
  gaveFields,
  type PointContext,
  refused,
  type VerbResult,
} from '../verb.ts';
import { type Abi, abiOf } from './ioctl-abi.ts';
import { type Filled, fillStruct, readFilled, sizeWith } from './ioctl-fields.ts';
import { CallMemory } from './ioctl-memory.ts';
import { isBadPlace, placeBadly } from './placed.ts';

/**
 * One named command with named fields, and what may be wrong with its number or its argument:
 * the form in which driver-specific cases and those of area `ioctl` are written.
 */

/** In the direction bits of a command number. Source: include/uapi/asm-generic/ioctl.h */
const DIRECTIONS = { none: 0, write: 1, read: 2, 'read-write': 3 } as const;

/** What lies behind a struct that is passed shorter than it is, and must lie there afterwards. */
const BEHIND = 'byte:0xa5';

export function ioctl(args: Arguments<'ioctl'>, context: PointContext): VerbResult {
  const abi = abiOf(args.entry === undefined ? undefined : context.scope.scalar(args.entry));
  const memory = new CallMemory(context, abi);
  try {
    return call(args, abi, memory, context);
  } finally {
    memory.release();
  }
}

function call(
  args: Arguments<'ioctl'>,
  abi: Abi,
  memory: CallMemory,
  context: PointContext,
): VerbResult {
  const command = commandFor(context.command(args.command), abi);
  const request = requestOf(command, args, context);
  const fd = args.fd === undefined ? context.session.session.fd : fdOf(args.fd, context);
  const argument = buildArgument(command, decodeIoc(request).size, args, memory, context);
  const placed = place(argument.filled.bytes, args, abi, context);
  const options = {
    restart: args.restart ?? true,
    entry: abi.entry,
    ...(placed.transcript !== undefined && { transcript: placed.transcript }),
  };
  const { ret, errno } = tryIoctl(fd, { ...command, request }, placed.address, options);
  placed.release();
  const changed = changedTail(argument, args) ?? strayWrite(memory);
  if (changed !== undefined) return changed;
  if (errno !== 0) return refused({ errno, call: command.name });
  const { struct } = command;
  const fields = struct === undefined ? {} : readFilled(struct, argument.filled);
  return gaveFields({ ...fields, result: ret });
}

function commandFor(command: Command, abi: Abi): Command {
  if (abi.entry === undefined) return command;
  const { struct, ...rest } = command;
  const request = abi.request(command);
  const size = decodeIoc(request).size;
  return { ...rest, request, size, ...(struct !== undefined && { struct: abi.struct(struct) }) };
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
  readonly filled: Filled;
  /** Where what the kernel is told about ends. */
  readonly end: number;
  /** What must still lie behind that end after the call. */
  readonly tail: Buffer;
}

function buildArgument(
  command: Command,
  encodedSize: number,
  args: Arguments<'ioctl'>,
  memory: CallMemory,
  context: PointContext,
): Argument {
  const { struct } = command;
  const entries = Object.entries(args.fields ?? {});
  const { bytes: head, pointers } =
    struct === undefined
      ? { bytes: Buffer.alloc(command.size), pointers: [] }
      : fillStruct(struct, entries, sizeWith(struct, entries), context, memory);
  // The number tells the size of the struct, never that of a flexible array behind it.
  const end = args.encode?.size === undefined ? head.length : Math.min(head.length, encodedSize);
  const pattern = args.tail === undefined ? BEHIND : String(context.scope.scalar(args.tail));
  const bytes = patternBytes(pattern, 0n, Math.max(head.length, encodedSize));
  head.copy(bytes, 0, 0, end);
  return { filled: { bytes, pointers }, end, tail: Buffer.from(bytes.subarray(end)) };
}

interface PlacedArgument {
  readonly address: IoctlArgument;
  /** For the call log, where the argument is told as an address. */
  readonly transcript?: Transcript;
  release(): void;
}

function place(
  bytes: Buffer,
  args: Arguments<'ioctl'>,
  abi: Abi,
  context: PointContext,
): PlacedArgument {
  const nothing = () => {};
  if (args.value !== undefined) {
    return { address: context.scope.size(args.value), release: nothing };
  }
  const where = args.argument;
  const named = where?.startsWith('$') === true ? context.scope.resolve(where) : where;
  if (named === undefined) {
    return abi.reach === 'low' ? placeLow(bytes) : { address: bytes, release: nothing };
  }
  if (isBadPlace(named)) return placeBadly(bytes, named, abi.reach);
  if (typeof named !== 'object') {
    throw new CaseDefect(`${String(named)} is no place for an argument`);
  }
  const { mapping } = context.scope.value(where ?? '', 'mapping');
  return { address: mapping.address, release: nothing };
}

/** Where a 32-bit program's addresses reach, at the end of a page; read back when it is released. */
function placeLow(bytes: Buffer): PlacedArgument {
  const page = GuardedPage.create('no-access', bytes.length, 'low');
  const address = bytes.length === 0 ? null : page.placeAtEnd(bytes);
  const output = () => page.readAtEnd(bytes.length);
  const release = () => {
    output().copy(bytes);
    page[Symbol.dispose]();
  };
  return { address, transcript: { input: () => bytes, output }, release };
}

/** Bytes behind the struct belong to user space: a change means that the kernel wrote too far. */
function changedTail(argument: Argument, args: Arguments<'ioctl'>): VerbResult | undefined {
  const after = argument.filled.bytes.subarray(argument.end);
  if (args.argument !== undefined || after.equals(argument.tail)) return undefined;
  const at = after.findIndex((byte, i) => byte !== argument.tail[i]);
  return {
    kind: 'mismatch',
    expected: `the ${after.length} bytes behind the argument as they were`,
    actual: `byte ${argument.end + at} changed`,
    detail: `before ${argument.tail.toString('hex')}\nafter  ${after.toString('hex')}`,
  };
}

function strayWrite(memory: CallMemory): VerbResult | undefined {
  const actual = memory.strayWrite();
  if (actual === undefined) return undefined;
  return {
    kind: 'mismatch',
    expected: 'the bytes before what pointers lead to as they were',
    actual,
  };
}
