import type { Decoder } from '../call-record.ts';
import type { AnyStruct } from '../description.ts';
import { formatBytes } from '../format-bytes.ts';

/**
 * What the call log keeps of a call whose argument leads on to other memory: a row of chunks, each
 * an id, facts and bytes. The log cuts what is long, so a chunk keeps its first bytes only.
 */

/** Bytes of a chunk before its content: id, flags, element (u16 each), kept (u16), size (u32). */
const HEAD_BYTES = 12;
/** The log keeps 256 bytes; a short attribute behind a long one shall still be seen. */
const MAX_KEPT_BYTES = 176;

const FLAG_SCALAR = 0x1;
const FLAG_OUT = 0x2;
const FLAG_WRITTEN = 0x4;
const FLAG_ELEMENT = 0x8;

export interface Chunk {
  readonly id: number;
  /** A number: handle, descriptor, inline value. Else `bytes`, or the room of an output. */
  readonly scalar?: bigint;
  readonly bytes?: Uint8Array;
  readonly roomBytes?: number;
  /** The kernel said that it filled the output in. */
  readonly written?: boolean;
  /** Which element of an enum attribute. */
  readonly element?: number;
}

/** More than the log keeps of a call; chunks for which this has no room are left out. */
const scratch = new Uint8Array(4096);
const LAST_START = scratch.length - HEAD_BYTES - MAX_KEPT_BYTES;
const scalar64 = new BigUint64Array(1);
const scalarBytes = new Uint8Array(scalar64.buffer);

/**
 * The chunks as the log stores them, to be copied before the next call: this runs before and after
 * every call of the verbs interface, so it makes no buffers of its own.
 */
export function encodeTranscript(chunks: readonly Chunk[]): Uint8Array {
  let at = 0;
  for (const chunk of chunks) {
    if (at > LAST_START) break;
    at = putChunk(chunk, at);
  }
  return scratch.subarray(0, at);
}

/** @returns where the next chunk goes */
function putChunk(chunk: Chunk, at: number): number {
  const { id, scalar, bytes, roomBytes, written, element } = chunk;
  const flags =
    (scalar === undefined ? 0 : FLAG_SCALAR) |
    (roomBytes === undefined ? 0 : FLAG_OUT) |
    (written === true ? FLAG_WRITTEN : 0) |
    (element === undefined ? 0 : FLAG_ELEMENT);
  const kept = putContent(scalar, bytes, at + HEAD_BYTES);
  const sizeBytes = roomBytes ?? bytes?.length ?? 0;
  put16(at, id);
  put16(at + 2, flags);
  put16(at + 4, element ?? 0);
  put16(at + 6, kept);
  put16(at + 8, sizeBytes);
  put16(at + 10, sizeBytes >>> 16);
  return at + HEAD_BYTES + kept;
}

/** @returns how many bytes stand there */
function putContent(scalar: bigint | undefined, bytes: Uint8Array | undefined, at: number): number {
  if (scalar !== undefined) {
    scalar64[0] = scalar; // keeps the low 64 bits
    scratch.set(scalarBytes, at);
    return scalarBytes.length;
  }
  if (bytes === undefined) return 0;
  const kept = bytes.length <= MAX_KEPT_BYTES ? bytes : bytes.subarray(0, MAX_KEPT_BYTES);
  scratch.set(kept, at);
  return kept.length;
}

function put16(at: number, value: number): void {
  scratch[at] = value;
  scratch[at + 1] = value >> 8;
}

interface Stored {
  readonly id: number;
  readonly scalar: bigint | undefined;
  readonly bytes: Buffer;
  readonly sizeBytes: number;
  readonly isOut: boolean;
  readonly written: boolean;
  readonly element: number | undefined;
}

/** The chunks of which at least the head is there. */
function* storedChunks(transcript: Buffer): Generator<Stored> {
  let at = 0;
  while (at + HEAD_BYTES <= transcript.length) {
    const flags = transcript.readUInt16LE(at + 2);
    const kept = transcript.readUInt16LE(at + 6);
    const bytes = transcript.subarray(at + HEAD_BYTES, at + HEAD_BYTES + kept);
    const isScalar = (flags & FLAG_SCALAR) !== 0 && bytes.length === 8;
    yield {
      id: transcript.readUInt16LE(at),
      scalar: isScalar ? bytes.readBigInt64LE() : undefined,
      bytes,
      sizeBytes: transcript.readUInt32LE(at + 8),
      isOut: (flags & FLAG_OUT) !== 0,
      written: (flags & FLAG_WRITTEN) !== 0,
      element: (flags & FLAG_ELEMENT) === 0 ? undefined : transcript.readUInt16LE(at + 4),
    };
    at += HEAD_BYTES + kept;
  }
}

/** What a chunk's id stands for. */
export interface Part {
  readonly name: string;
  readonly struct?: AnyStruct;
  /** Per element of an enum attribute. */
  readonly elements?: readonly { readonly name: string; readonly struct?: AnyStruct }[];
}

/** Reads transcripts back, with names and structs. */
export class TranscriptDecoder implements Decoder {
  readonly name: string;
  /** A transcript may be empty. */
  readonly size = 0;
  readonly #parts: ReadonlyMap<number, Part>;

  constructor(name: string, parts: ReadonlyMap<number, Part>) {
    this.name = name;
    this.#parts = parts;
  }

  decode(transcript: Buffer): Record<string, unknown> {
    return Object.fromEntries(
      [...storedChunks(transcript)].map((chunk) => [this.#nameOf(chunk), this.#value(chunk)]),
    );
  }

  /** `CREATE_CQ_CQE=16 CREATE_CQ_RESP_CQE=out 4 bytes` */
  format(transcript: Buffer): string {
    return [...storedChunks(transcript)]
      .map((chunk) => `${this.#nameOf(chunk)}=${this.#text(chunk)}`)
      .join(' ');
  }

  #nameOf({ id }: Stored): string {
    return this.#parts.get(id)?.name ?? `attribute 0x${id.toString(16)}`;
  }

  #structOf({ id, element }: Stored): AnyStruct | undefined {
    const part = this.#parts.get(id);
    return element === undefined ? part?.struct : part?.elements?.[element]?.struct;
  }

  /** Undefined for an output that is not there yet. */
  #value(chunk: Stored): unknown {
    if (chunk.scalar !== undefined) return chunk.scalar;
    if (chunk.isOut && chunk.bytes.length === 0) return undefined;
    const struct = this.#structOf(chunk);
    const whole = struct !== undefined && chunk.bytes.length >= struct.size;
    return whole ? struct.decode(chunk.bytes) : Buffer.from(chunk.bytes);
  }

  #text(chunk: Stored): string {
    const { isOut, written, bytes } = chunk;
    const unmarked = isOut && !written && bytes.length > 0;
    return `${this.#content(chunk)}${unmarked ? ' (not marked as written)' : ''}`;
  }

  #content(chunk: Stored): string {
    const { scalar, bytes, sizeBytes, isOut, element } = chunk;
    const choice = element === undefined ? '' : `${this.#elementName(chunk)}:`;
    if (scalar !== undefined) return `${choice}${scalar}`;
    if (isOut && bytes.length === 0) return `out ${sizeBytes} bytes`;
    const struct = this.#structOf(chunk);
    if (struct !== undefined) return `${choice}{${struct.format(bytes)}}`;
    if (isOut && bytes.length === 4) return `${choice}${bytes.readUInt32LE()}`;
    return `${choice}(${formatBytes(bytes)}${bytes.length < sizeBytes ? ` of ${sizeBytes}` : ''})`;
  }

  #elementName({ id, element = 0 }: Stored): string {
    return this.#parts.get(id)?.elements?.[element]?.name ?? String(element);
  }
}
