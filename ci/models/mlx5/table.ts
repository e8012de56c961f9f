import { Refusal } from '../refusal.ts';

/** Objects of one kind by their numbers, which are given out in turn. */
export class Table<T> {
  readonly #name: string;
  readonly #first: number;
  readonly #capacity: number;
  readonly #items = new Map<number, T>();
  #next = 0;

  constructor(name: string, first: number, capacity: number) {
    this.#name = name;
    this.#first = first;
    this.#capacity = capacity;
  }

  /** The number of a new object. @throws Refusal where there is no room */
  add(make: (id: number) => T): number {
    if (this.#items.size >= this.#capacity) {
      throw new Refusal('room', `no room for another ${this.#name}`);
    }
    while (this.#items.has(this.#first + this.#next))
      this.#next = (this.#next + 1) % this.#capacity;
    const id = this.#first + this.#next;
    this.#next = (this.#next + 1) % this.#capacity;
    this.#items.set(id, make(id));
    return id;
  }

  get(id: number): T | undefined {
    return this.#items.get(id);
  }

  /** @throws Refusal where there is none */
  find(id: number): T {
    const item = this.#items.get(id);
    if (item === undefined) throw new Refusal('parameter', `there is no ${this.#name} ${id}`);
    return item;
  }

  /** @throws Refusal where there is none */
  remove(id: number): T {
    const item = this.find(id);
    this.#items.delete(id);
    return item;
  }

  values(): IterableIterator<T> {
    return this.#items.values();
  }
}
