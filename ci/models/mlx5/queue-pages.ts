import { PageList, POINTER_BYTES, pagesOf } from '../page-list.ts';
import { readPieces } from '../pieces.ts';
import type { Host } from '../vfio-user/device.ts';

/** Pages are told by logarithms, above the smallest. Source: MLX5_ADAPTER_PAGE_SHIFT */
const PAGE_SHIFT = 12;
/** Offsets in the first page are in parts of it. Source: mlx5_ib.h, mlx5_umem_find_best_quantized_pgoff() */
const PARTS_OF_PAGE = 64;
/** The lowest bits of a page's address say what it may be used for. */
export const PAGE_ADDRESS_MASK = ~0xfffn;

/** A queue in a command: a context says how it lies, and a list of pages follows. */
export interface QueuePlace {
  /** Of the list, in the command. */
  readonly at: number;
  readonly logPage: number;
  readonly pageOffset: number;
  readonly bytes: number;
}

/** Pages in a list, as many as there are. */
function pagesIn(list: Buffer, count: number): bigint[] {
  const there = Math.min(count, Math.floor(list.length / POINTER_BYTES));
  return Array.from(
    { length: there },
    (_, i) => list.readBigUInt64BE(i * POINTER_BYTES) & PAGE_ADDRESS_MASK,
  );
}

export function queuePages(
  input: Buffer,
  { at, logPage, pageOffset, bytes }: QueuePlace,
): PageList {
  const shift = PAGE_SHIFT + logPage;
  const start = BigInt((pageOffset * 2 ** shift) / PARTS_OF_PAGE);
  const count = pagesOf(start, bytes, shift);
  return new PageList(pagesIn(input.subarray(at), count), shift, start);
}

/** A part of a queue, which may lie in more than one page; undefined where it cannot be reached. */
export function readQueue(
  { memory }: Host,
  pages: PageList,
  offset: number,
  length: number,
): Buffer | undefined {
  return readPieces(memory, pages.pieces(offset, length));
}

/** A word of a doorbell record, of which there are two. Source: include/linux/mlx5/qp.h, MLX5_RCV_DBR */
export function readRecord({ memory }: Host, record: bigint, word: number): number {
  return memory.read(Number(record) + 4 * word, 4)?.readUInt32BE(0) ?? 0;
}
