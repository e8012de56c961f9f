import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { erdma_uresp_alloc_ctx } from '../../../uapi/headers/rdma/erdma-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { pageSize } from '../../../uapi/sys-memory.ts';
import { mapKey } from '../map-key.ts';

/**
 * Where in its page the doorbell of a queue is: so many numbers have one of their own. The driver's
 * own queues share one for all, and the word that is written names the queue.
 * Source: rdma-core, providers/erdma, __erdma_alloc_dbs(), erdma_create_cq()
 */
const PLACES = {
  sdb: { numbers: 32, bytes: 128 },
  rdb: { numbers: 128, bytes: 32 },
  cdb: { numbers: 512, bytes: 8 },
} as const;

/** The page of send, receive or completion doorbells, as the context's answer calls it. */
export type DoorbellPage = keyof typeof PLACES;

export function placeOf(page: DoorbellPage, number: number): number {
  const { numbers, bytes } = PLACES[page];
  return (number % numbers) * bytes;
}

/** Whether the context is one whose doorbells are known: one that this process made. */
export function hasDoorbells(contextAnswer: Buffer): boolean {
  return contextAnswer.length >= erdma_uresp_alloc_ctx.size;
}

/** A register in a page of the device, and the record in memory that says the same. */
export class Doorbell {
  readonly #page: Mapping;
  readonly #at: number;
  readonly #memory: Mapping;
  readonly #record: number;

  private constructor(page: Mapping, at: number, memory: Mapping, record: number) {
    this.#page = page;
    this.#at = at;
    this.#memory = memory;
    this.#record = record;
  }

  /** @param record where in `memory` the record is */
  static open(
    context: { readonly fd: number; readonly contextAnswer: Buffer },
    page: DoorbellPage,
    number: number,
    memory: Mapping,
    record: number,
  ): CallOutcome<Doorbell> {
    const key = erdma_uresp_alloc_ctx.get(context.contextAnswer, page);
    const mapped = mapKey(context.fd, key, pageSize(), `the ${page} page`);
    if (!mapped.ok) return mapped;
    const at = placeOf(page, number);
    return { ok: true, value: new Doorbell(mapped.value, at, memory, record) };
  }

  /** The record, then the register, both after all earlier writes. Source: erdma_qp.c, kick_sq_db() */
  ring(value: bigint): void {
    this.#memory.storeAtomic64(this.#record, value);
    this.#page.storeRegister64(this.#at, value);
  }

  /** As before the first ring: of a QP that was reset. */
  clear(): void {
    this.#memory.storeAtomic64(this.#record, 0n);
  }

  close(): void {
    this.#page.unmap();
  }
}
