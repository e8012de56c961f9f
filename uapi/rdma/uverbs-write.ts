import { type CallOutcome, outcomeOf } from '../call-outcome.ts';
import type { CommandLike } from '../call-record.ts';
import type { Errno } from '../errno.ts';
import {
  IB_USER_VERBS_CMD_FLAG_EXTENDED,
  ib_uverbs_cmd_hdr,
  ib_uverbs_ex_cmd_hdr,
} from '../headers/rdma/ib-user-verbs.ts';
import { type Memory, tryWrite, tryWriteLogged } from '../sys.ts';
import type { SysResult } from '../sys-call.ts';
import type { WriteCommand } from './description.ts';
import { encodeTranscript, TranscriptDecoder } from './transcript.ts';
import { tryInvoke } from './uverbs-invoke.ts';
import { addressOf } from './verbs-argument.ts';

/**
 * Commands of write(2), the older half of the verbs interface, and the same commands through the
 * ioctl method INVOKE_WRITE.
 */

/** Fields of the headers; all sizes in words of 4 bytes, of 8 for an extended command. */
export interface WriteHeader {
  /** With IB_USER_VERBS_CMD_FLAG_EXTENDED for an extended one. */
  readonly command: number;
  readonly inWords: number;
  readonly outWords: number;
  /** Present: struct ib_uverbs_ex_cmd_hdr follows. */
  readonly extended?: {
    readonly response: bigint;
    readonly providerInWords: number;
    readonly providerOutWords: number;
    readonly reserved: number;
  };
}

export interface WriteRequest {
  /** The struct and what follows it; `response` in it is filled in, in a copy. */
  readonly request: Buffer;
  /** Data for the driver, behind the request. */
  readonly udataIn?: Buffer;
  /** Default: the command's response struct. */
  readonly responseSize?: number;
  /** Room for the driver's data, behind the response. Default 0. */
  readonly udataOutSize?: number;
  /** Default 'write'. */
  readonly via?: 'write' | 'invoke';
  /** enum rdma_driver_id; `invoke` needs it. */
  readonly driverId?: number;
  /** Header fields that shall be wrong, and the response pointer. Of `write` only. */
  readonly header?: Partial<Omit<WriteHeader, 'extended'>> & Partial<WriteHeader['extended']>;
}

export interface WriteAnswer {
  readonly response: Buffer;
  readonly udata: Buffer;
}

/** Sizes that the words of a header cannot say, or a call form that lacks what it needs. */
export class WriteCommandError extends Error {
  override name = 'WriteCommandError';
}

/** 4 bytes a word, 8 in extended commands. Source: uverbs_main.c, verify_hdr() */
function wordsOf(command: WriteCommand, sizeBytes: number, what: string): number {
  const wordBytes = command.extended ? 8 : 4;
  if (sizeBytes % wordBytes === 0) return sizeBytes / wordBytes;
  throw new WriteCommandError(
    `${command.name}: ${what} has ${sizeBytes} bytes, which are no multiple of ${wordBytes}`,
  );
}

/** The headers' bytes. */
export function encodeWriteHeader(header: WriteHeader): Buffer {
  const plain = ib_uverbs_cmd_hdr.make({
    command: header.command,
    in_words: header.inWords,
    out_words: header.outWords,
  });
  if (header.extended === undefined) return plain;
  const { response, providerInWords, providerOutWords, reserved } = header.extended;
  const extended = ib_uverbs_ex_cmd_hdr.make({
    response,
    provider_in_words: providerInWords,
    provider_out_words: providerOutWords,
    cmd_hdr_reserved: reserved,
  });
  return Buffer.concat([plain, extended]);
}

/** A write command with memory for its answer. */
export interface PreparedWrite {
  readonly bytes: Buffer;
  /** Where the answer comes: the response, then the driver's data. */
  readonly answer: Buffer;
}

/**
 * The bytes of a command: the header by the sizes of its parts, the pointer to `answer` in them.
 * The answer must be held on to until the call is over. Whoever repeats a command, a doorbell say,
 * prepares it once and writes the bytes with tryWrite.
 */
export function prepareWrite(command: WriteCommand, call: WriteRequest): PreparedWrite {
  const { request, udataIn, responseSize = responseBytes(command), udataOutSize = 0 } = call;
  const inSize = udataIn?.length ?? 0;
  const answer = Buffer.alloc(responseSize + udataOutSize);
  const response = call.header?.response ?? addressOf(answer);
  const header = command.extended
    ? extendedHeader(command, { request, inSize, responseSize, udataOutSize, response })
    : plainHeader(command, request.length + inSize, answer.length);
  const given = call.header === undefined ? header : overridden(header, call.header);
  const parts = [encodeWriteHeader(given), request];
  const bytes = Buffer.concat(udataIn === undefined ? parts : [...parts, udataIn]);
  if (!command.extended && command.request.has('response')) {
    command.request.set(bytes.subarray(ib_uverbs_cmd_hdr.size), 'response', response);
  }
  return { bytes, answer };
}

/** in_words counts the header too. */
function plainHeader(command: WriteCommand, bodyBytes: number, answerBytes: number): WriteHeader {
  return {
    command: command.id,
    inWords: wordsOf(command, ib_uverbs_cmd_hdr.size + bodyBytes, 'the request with driver data'),
    outWords: wordsOf(command, answerBytes, 'the response with driver data'),
  };
}

interface ExtendedParts {
  readonly request: Buffer;
  /** Bytes of the driver's data. */
  readonly inSize: number;
  readonly responseSize: number;
  readonly udataOutSize: number;
  readonly response: bigint;
}

/** in_words counts the request alone. */
function extendedHeader(command: WriteCommand, parts: ExtendedParts): WriteHeader {
  return {
    command: commandNumber(command),
    inWords: wordsOf(command, parts.request.length, 'the request'),
    outWords: wordsOf(command, parts.responseSize, 'the response'),
    extended: {
      response: parts.response,
      providerInWords: wordsOf(command, parts.inSize, 'the driver data'),
      providerOutWords: wordsOf(command, parts.udataOutSize, 'the driver data of the response'),
      reserved: 0,
    },
  };
}

function overridden(header: WriteHeader, over: NonNullable<WriteRequest['header']>): WriteHeader {
  const { command, inWords, outWords, ...ex } = over;
  return {
    command: command ?? header.command,
    inWords: inWords ?? header.inWords,
    outWords: outWords ?? header.outWords,
    ...(header.extended && { extended: { ...header.extended, ...ex } }),
  };
}

/** The number that the kernel is told: with the flag for an extended command. */
export function commandNumber({ id, extended }: WriteCommand): number {
  return extended ? (id | Number(IB_USER_VERBS_CMD_FLAG_EXTENDED)) >>> 0 : id;
}

function responseBytes(command: WriteCommand): number {
  return command.response?.size ?? 0;
}

/**
 * Gives a write command. Descriptors (async_fd, a completion channel's) come back in the response
 * and are the caller's to close.
 *
 * EACCES: the writer's credentials are not those of the opener; ENOSPC: request or response are
 * smaller than the kernel's structs; EINVAL: also words that do not sum up to the bytes written.
 * Source: drivers/infiniband/core/uverbs_main.c, ib_uverbs_write()
 */
export function tryWriteCommand(
  fd: number,
  command: WriteCommand,
  call: WriteRequest,
): CallOutcome<WriteAnswer> {
  const responseSize = call.responseSize ?? responseBytes(command);
  if (call.via === 'invoke') return invoke(fd, command, call, responseSize);
  const { bytes, answer } = prepareWrite(command, call);
  const result = tryWriteLogged(fd, bytes, {
    command: logCommandOf(command, 'write'),
    transcript: {
      input: () => inputTranscript(call),
      output: (errno) => outputTranscript(errno, answer, responseSize),
    },
  });
  if (result.errno !== 0) return { ok: false, errno: result.errno, call: callText(command, call) };
  return {
    ok: true,
    value: { response: answer.subarray(0, responseSize), udata: answer.subarray(responseSize) },
  };
}

function invoke(
  fd: number,
  command: WriteCommand,
  call: WriteRequest,
  responseSize: number,
): CallOutcome<WriteAnswer> {
  if (call.driverId === undefined) {
    throw new WriteCommandError(`${command.name}: INVOKE_WRITE needs the driver id`);
  }
  const response = Buffer.alloc(responseSize);
  const udata = Buffer.alloc(call.udataOutSize ?? 0);
  const result = tryInvoke(fd, call.driverId, {
    command: commandNumber(command),
    request: call.request,
    udataIn: call.udataIn,
    response,
    udata,
    logCommand: logCommandOf(command, 'invoke'),
    transcript: {
      input: () => inputTranscript(call),
      output: (errno) => outputTranscript(errno, Buffer.concat([response, udata]), responseSize),
    },
  });
  if (result.errno !== 0) return { ok: false, errno: result.errno, call: callText(command, call) };
  return { ok: true, value: { response, udata } };
}

/** `ALLOC_PD by write (response=0x0)` */
function callText(
  command: WriteCommand,
  { request, udataIn, via = 'write' }: WriteRequest,
): string {
  const driver = udataIn === undefined ? '' : `, ${udataIn.length} bytes of driver data`;
  return `${command.name} by ${via} (${command.request.format(request)}${driver})`;
}

/** Ids of chunks; a write command has no attributes. */
const PART = { request: 0, udataIn: 1, response: 2, udataOut: 3 } as const;

function inputTranscript({ request, udataIn }: WriteRequest): Uint8Array {
  const driver = udataIn === undefined ? [] : [{ id: PART.udataIn, bytes: udataIn }];
  return encodeTranscript([{ id: PART.request, bytes: request }, ...driver]);
}

/** After a failure only what the kernel wrote all the same. */
function outputTranscript(errno: Errno, answer: Buffer, responseSize: number): Uint8Array {
  const isShown = ({ bytes }: { readonly bytes: Buffer }) =>
    errno === 0 ? bytes.length > 0 : bytes.some((byte) => byte !== 0);
  const response = { id: PART.response, bytes: answer.subarray(0, responseSize) };
  const udata = { id: PART.udataOut, bytes: answer.subarray(responseSize) };
  return encodeTranscript([response, udata].filter(isShown));
}

const logCommands = {
  write: new WeakMap<WriteCommand, CommandLike>(),
  invoke: new WeakMap<WriteCommand, CommandLike>(),
} as const;

/** How a command stands in the call log, by the form in which it was given. */
export function logCommandOf(command: WriteCommand, via: 'write' | 'invoke'): CommandLike {
  let known = logCommands[via].get(command);
  if (known === undefined) {
    const name = `uverbs ${via} ${command.name}`;
    const { request, response } = command;
    const struct = new TranscriptDecoder(
      name,
      new Map([
        [PART.request, { name: 'request', struct: request }],
        [PART.udataIn, { name: 'udataIn' }],
        [PART.response, { name: 'response', ...(response && { struct: response }) }],
        [PART.udataOut, { name: 'udataOut' }],
      ]),
    );
    known = { name, request: 0, struct };
    logCommands[via].set(command, known);
  }
  return known;
}

/**
 * write(2) of any bytes: see encodeWriteHeader for a header with wrong fields.
 *
 * @param bytes also an address that cannot be read, then with a length
 */
export function tryRawWrite(fd: number, bytes: Memory, length?: number): CallOutcome<undefined> {
  const result: SysResult =
    length === undefined ? tryWrite(fd, bytes) : tryWrite(fd, bytes, length);
  return outcomeOf(result, 'write of raw bytes');
}
