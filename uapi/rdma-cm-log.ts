import { callLog, NOT_LOGGED } from './call-log.ts';
import type { CommandLike, Decoder } from './call-record.ts';
import type { AnyStruct } from './description.ts';
import type { Errno } from './errno.ts';
import { rdma_ucm_cmd_hdr } from './headers/rdma/rdma-user-cm.ts';
import { CM_COMMANDS, type CmCommand, isCmCommand } from './rdma-cm-commands.ts';
import { decodeCm } from './rdma-cm-decode.ts';

/**
 * Commands of the RDMA CM in the call log: with their names, and decoded. What comes back lies
 * elsewhere than what goes in; in the log it stands behind a copy of the header with this bit set.
 */
const RESPONSE_MARK = 0x8000_0000;

const HEADER_BYTES = rdma_ucm_cmd_hdr.size;

/** A command for the call log's reader, by its name; undefined for other calls. */
export function cmLogCommand(name: string): CommandLike | undefined {
  if (!isCmCommand(name)) return undefined;
  return { name, request: CM_COMMANDS[name].number, struct: decoderOf(name) };
}

/** What the log calls a command: one object for each name, since the log compares them. */
const known = new Map<CmCommand, CommandLike>();

/** Enters a command that is about to be written. */
export function beginCm(name: CmCommand, fd: number, input: Uint8Array | bigint | null): number {
  const log = callLog();
  if (log === undefined) return NOT_LOGGED;
  let command = known.get(name);
  if (command === undefined) {
    command = { name, request: CM_COMMANDS[name].number, struct: decoderOf(name) };
    known.set(name, command);
  }
  return log.begin(command, 0, fd, input);
}

/** Completes the entry; `response` is what the kernel has written. */
export function endCm(
  slot: number,
  result: { readonly ret: number; readonly errno: Errno },
  header: Buffer,
  response: Buffer,
): void {
  if (slot === NOT_LOGGED) return;
  let output: Buffer | null = null;
  if (result.errno === 0 && response.length > 0) {
    output = Buffer.concat([header.subarray(0, HEADER_BYTES), response]);
    output.writeUInt32LE((output.readUInt32LE(0) | RESPONSE_MARK) >>> 0, 0);
  }
  callLog()?.end(slot, result.ret, result.errno, output);
}

function decoderOf(name: CmCommand): Decoder {
  return {
    name,
    size: HEADER_BYTES,
    decode: (bytes) => decodeLogged(name, bytes),
    format: (bytes) => {
      const fields = Object.entries(decodeLogged(name, bytes));
      return fields.map(([field, value]) => `${field}=${text(value)}`).join(' ');
    },
  };
}

/** Members behind the bytes that the log keeps are left out, unless they begin before. */
function decodeLogged(name: CmCommand, bytes: Buffer): Record<string, unknown> {
  if (bytes.length < HEADER_BYTES) return {};
  const isResponse = (bytes.readUInt32LE(0) & RESPONSE_MARK) !== 0;
  const { request, response } = CM_COMMANDS[name];
  const struct: AnyStruct | undefined = isResponse ? response : request;
  if (struct === undefined) return {};
  const body = bytes.subarray(HEADER_BYTES);
  const whole = Buffer.alloc(Math.max(struct.size, body.length));
  body.copy(whole);
  const decoded = decodeCm(struct, whole);
  for (const field of struct.fields) {
    if (field.offset >= body.length) delete decoded[field.name];
  }
  return decoded;
}

function text(value: unknown): string {
  if (Array.isArray(value))
    return value.some((item) => item !== 0) ? `[${value.map(text).join(' ')}]` : '[0…]';
  if (typeof value !== 'object' || value === null) return String(value);
  const fields = Object.entries(value).map(([name, item]) => `${name}=${text(item)}`);
  return `{${fields.join(' ')}}`;
}
