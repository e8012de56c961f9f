import type { PageList } from '../page-list.ts';
import type { Host } from '../vfio-user/device.ts';
import { MLX5_SEND_WQE_BB as BLOCK_BYTES, MLX5_SEND_WQE_DS as PART_BYTES } from './headers/ifc.ts';
import { readQueue, readRecord } from './queue-pages.ts';

const SENDS = 1;
const COUNT_MASK = 0xffff;
/** Of struct mlx5_wqe_ctrl_seg, in the second word. */
const PARTS = 4;
const PARTS_MASK = 0x3f;

/** A request as it lies in the ring. */
export interface PostedSend {
  /** Of its first block, as its completion names it. */
  readonly index: number;
  readonly blocks: number;
  /** As long as it says itself. */
  readonly wqe: Buffer;
}

/** The send queue of a QP: requests of one block or more. */
export class SendRing {
  readonly #host: Host;
  readonly #pages: PageList;
  readonly #start: number;
  readonly #blocks: number;
  readonly #record: bigint;
  #produced = 0;
  #consumed = 0;

  /** @param start where in the pages */
  constructor(host: Host, pages: PageList, start: number, blocks: number, record: bigint) {
    this.#host = host;
    this.#pages = pages;
    this.#start = start;
    this.#blocks = blocks;
    this.#record = record;
  }

  /** Looks how far it is filled, and says whether it can be. */
  update(): boolean {
    this.#produced = readRecord(this.#host, this.#record, SENDS) & COUNT_MASK;
    return this.waiting <= this.#blocks;
  }

  /** Blocks. */
  get waiting(): number {
    return (this.#produced - this.#consumed) & COUNT_MASK;
  }

  /** Undefined for what is no request: it has no length, or a longer one than there is. */
  peek(): PostedSend | undefined {
    const head = this.#read(1);
    if (head === undefined) return undefined;
    const parts = head.readUInt32BE(PARTS) & PARTS_MASK;
    const blocks = Math.ceil((parts * PART_BYTES) / BLOCK_BYTES);
    if (parts === 0 || blocks > this.waiting) return undefined;
    const wqe = this.#read(blocks)?.subarray(0, parts * PART_BYTES);
    return wqe === undefined ? undefined : { index: this.#consumed, blocks, wqe };
  }

  skip(blocks: number): void {
    this.#consumed = (this.#consumed + blocks) & COUNT_MASK;
  }

  /** Nothing waits any more. */
  drop(): void {
    this.#consumed = this.#produced;
  }

  reset(): void {
    this.#produced = 0;
    this.#consumed = 0;
  }

  #read(blocks: number): Buffer | undefined {
    const first = this.#consumed % this.#blocks;
    const before = Math.min(blocks, this.#blocks - first);
    const head = this.#readAt(first, before);
    const rest = this.#readAt(0, blocks - before);
    return head === undefined || rest === undefined ? undefined : Buffer.concat([head, rest]);
  }

  #readAt(block: number, count: number): Buffer | undefined {
    const at = this.#start + block * BLOCK_BYTES;
    return readQueue(this.#host, this.#pages, at, count * BLOCK_BYTES);
  }
}
