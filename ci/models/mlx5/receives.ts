import type { PageList } from '../page-list.ts';
import type { Host } from '../vfio-user/device.ts';
import { END_OF_LIST_KEY } from './limits.ts';
import { type Span, spanAt } from './memory-keys.ts';
import { readQueue, readRecord } from './queue-pages.ts';

/** Source: include/linux/mlx5/qp.h, struct mlx5_wqe_data_seg */
export const DATA_BYTES = 16;
const RECEIVES = 0;
const COUNT_MASK = 0xffff;

/** A receive that was posted. */
export interface Receive {
  /** As its completion names it. */
  readonly index: number;
  /** Undefined where it cannot be read. */
  readonly spans: readonly Span[] | undefined;
}

/** Where receives wait, with nobody ringing for them: a record in memory counts. */
export interface Receives {
  readonly waiting: number;
  /** The next one, which stays. */
  peek(): Receive | undefined;
  take(): Receive | undefined;
}

/** Pieces to the end of the slot, or to one that ends the list. */
export function spansIn(wqe: Buffer): readonly Span[] {
  const spans: Span[] = [];
  for (let at = 0; at + DATA_BYTES <= wqe.length; at += DATA_BYTES) {
    const span = spanAt(wqe, at);
    if (span.key === END_OF_LIST_KEY && span.length === 0) break;
    spans.push(span);
  }
  return spans;
}

export interface Slots {
  readonly count: number;
  readonly bytes: number;
}

export function waitingOf(host: Host, record: bigint, taken: number): number {
  return (readRecord(host, record, RECEIVES) - taken) & COUNT_MASK;
}

/** The receive queue of a QP. */
export class ReceiveRing implements Receives {
  readonly #host: Host;
  readonly #pages: PageList;
  readonly #slots: Slots;
  readonly #record: bigint;
  #taken = 0;

  constructor(host: Host, pages: PageList, slots: Slots, record: bigint) {
    this.#host = host;
    this.#pages = pages;
    this.#slots = slots;
    this.#record = record;
  }

  get waiting(): number {
    return waitingOf(this.#host, this.#record, this.#taken);
  }

  peek(): Receive | undefined {
    if (this.waiting === 0) return undefined;
    const { count, bytes } = this.#slots;
    const index = this.#taken & COUNT_MASK;
    const wqe = readQueue(this.#host, this.#pages, (index % count) * bytes, bytes);
    return { index, spans: wqe === undefined ? undefined : spansIn(wqe) };
  }

  take(): Receive | undefined {
    const receive = this.peek();
    if (receive !== undefined) this.#taken++;
    return receive;
  }

  reset(): void {
    this.#taken = 0;
  }
}
