import { mustFit } from '../refusal.ts';
import { DOORBELL_PAGE_BYTES } from './limits.ts';
import type { CompletionQueue, QueuePair, Uar } from './objects.ts';

/** Who is rung at an offset of the doorbell BAR. */
export type Doorbell =
  | { readonly kind: 'send' | 'recv'; readonly qp: () => QueuePair | undefined }
  | { readonly kind: 'cq'; readonly cq: () => CompletionQueue | undefined };

const DOORBELL_BYTES = 4;

/**
 * Doorbells in the pages of UARs: a process maps the page of its own, so that it cannot ring anybody
 * else's (efa_verbs.c, qp_mmap_entries_setup()).
 */
export class Doorbells {
  readonly #owners = new Map<number, Doorbell>();

  /** The offset of a new one. @throws Refusal where the page is full */
  add(uar: Uar, owner: Doorbell): number {
    const page = uar.id * DOORBELL_PAGE_BYTES;
    let free: number | undefined;
    for (let at = page; at < page + DOORBELL_PAGE_BYTES; at += DOORBELL_BYTES) {
      if (this.#owners.has(at)) continue;
      free = at;
      break;
    }
    const offset = mustFit(free, `doorbell in UAR ${uar.id}`);
    this.#owners.set(offset, owner);
    return offset;
  }

  remove(offset: number): void {
    this.#owners.delete(offset);
  }

  at(offset: number): Doorbell | undefined {
    return this.#owners.get(offset);
  }

  reset(): void {
    this.#owners.clear();
  }
}
