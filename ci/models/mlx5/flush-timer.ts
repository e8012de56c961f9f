/** How often it is looked whether somebody posts receives to a queue in error: that rings no doorbell. */
const FLUSH_MS = 5;

/** Queues in error, with receives of their own. */
export class FlushTimer<T> {
  readonly #queues = new Set<T>();
  #nextMs = 0;

  add(queue: T): void {
    this.#queues.add(queue);
    this.#nextMs = performance.now() + FLUSH_MS;
  }

  delete(queue: T): void {
    this.#queues.delete(queue);
  }

  /** When to look again; undefined for never. */
  get nextMs(): number | undefined {
    return this.#queues.size === 0 ? undefined : this.#nextMs;
  }

  /** Those to look at now. */
  take(): readonly T[] {
    const now = performance.now();
    if (this.#queues.size === 0 || this.#nextMs > now) return [];
    this.#nextMs = now + FLUSH_MS;
    return [...this.#queues];
  }
}
