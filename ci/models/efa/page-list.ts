import { POINTER_BYTES, pointersIn, type ReadMemory } from '../page-list.ts';

/** A list of pages that cannot be read, or says something else than its command. */
export class PageListError extends Error {
  override name = 'PageListError';
}

/** Of the link at the end of a chunk: u32 length, u64 address. */
const LINK_BYTES = 12;
/** Pages that hold a list in pieces: EFA_CHUNK_PAYLOAD_SIZE of efa_verbs.c. */
const PIECE_BYTES = 4096;

interface Chunk {
  readonly length: number;
  readonly address: number;
}

function mustRead(read: ReadMemory, address: number, length: number): Buffer {
  const bytes = read(address, length);
  if (bytes !== undefined) return bytes;
  throw new PageListError(`${length} bytes at 0x${address.toString(16)} cannot be reached`);
}

/** A list that is in one piece. Source: efa_verbs.c, pbl_continuous_initialize() */
export function readDirectList(read: ReadMemory, list: Chunk, count: number): bigint[] {
  if (list.length !== count * POINTER_BYTES) {
    throw new PageListError(`${list.length} bytes for a list of ${count} pages`);
  }
  return pointersIn(mustRead(read, list.address, list.length));
}

/**
 * A list in pieces of 4 KiB: chunks point to the pieces, and each ends with a link to the next.
 * Source: efa_verbs.c, pbl_chunk_list_create()
 */
export function readChunkedList(read: ReadMemory, first: Chunk, count: number): bigint[] {
  const wanted = Math.ceil((count * POINTER_BYTES) / PIECE_BYTES);
  const pieces: bigint[] = [];
  for (let chunk = first; pieces.length < wanted; ) {
    if (chunk.length <= LINK_BYTES || chunk.length > PIECE_BYTES) {
      throw new PageListError(`a chunk of ${chunk.length} bytes`);
    }
    const bytes = mustRead(read, chunk.address, chunk.length);
    const link = bytes.length - LINK_BYTES;
    pieces.push(...pointersIn(bytes.subarray(0, link)));
    const address = Number(bytes.readBigUInt64LE(link + 4));
    chunk = { length: bytes.readUInt32LE(link), address };
  }
  const pages: bigint[] = [];
  for (const piece of pieces.slice(0, wanted)) {
    const length = Math.min(PIECE_BYTES, (count - pages.length) * POINTER_BYTES);
    for (const page of pointersIn(mustRead(read, Number(piece), length))) pages.push(page);
  }
  return pages;
}
