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

/** The chunks as the log stores them. */
export function encodeTranscript(chunks: readonly Chunk[]): Uint8Array {
  const parts: Buffer[] = [];
  for (const { id, scalar, bytes, roomBytes, written, element } of chunks) {
    const kept =
      scalar === undefined ? (bytes ?? []).slice(0, MAX_KEPT_BYTES) : scalarBytes(scalar);
    const head = Buffer.alloc(HEAD_BYTES);
    const flags =
      (scalar === undefined ? 0 : FLAG_SCALAR) |
      (roomBytes === undefined ? 0 : FLAG_OUT) |
      (written === true ? FLAG_WRITTEN : 0) |
      (element === undefined ? 0 : FLAG_ELEMENT);
    head.writeUInt16LE(id, 0);
    head.writeUInt16LE(flags, 2);
    head.writeUInt16LE(element ?? 0, 4);
    head.writeUInt16LE(kept.length, 6);
    head.writeUInt32LE(roomBytes ?? bytes?.length ?? 0, 8);
    parts.push(head, Buffer.from(kept));
  }
  return Buffer.concat(parts);
}

function scalarBytes(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
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
