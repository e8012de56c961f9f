/**
 * Numbered objects of one kind, at most so many. Numbers are given out in turn, so that a number whose
 * object was destroyed means nobody for as long as possible.
 */
export class Pool<T> {
  readonly #capacity: number;
  readonly #items: (T | undefined)[] = [];
  #next = 0;
  #count = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get count(): number {
    return this.#count;
  }

  /** The number of a new object; undefined when there is no room. */
  add(make: (id: number) => T): number | undefined {
    const capacity = this.#capacity;
    if (this.#count === capacity) return undefined;
    while (this.#items[this.#next] !== undefined) this.#next = (this.#next + 1) % capacity;
    const id = this.#next;
    this.#items[id] = make(id);
    this.#next = (id + 1) % capacity;
    this.#count++;
    return id;
  }

  get(id: number): T | undefined {
    return this.#items[id];
  }

  remove(id: number): void {
    if (this.#items[id] === undefined) return;
    this.#items[id] = undefined;
    this.#count--;
  }

  *values(): Generator<T> {
    if (this.#count === 0) return;
    for (const item of this.#items) if (item !== undefined) yield item;
  }

  find(wanted: (item: T) => boolean): T | undefined {
    for (const item of this.values()) if (wanted(item)) return item;
    return undefined;
  }
}
