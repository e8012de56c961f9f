import { Pool } from '../pool.ts';
import { mustFind, mustFit } from '../refusal.ts';

/** Objects of one kind by their numbers, which begin where the kind's do. */
export class Table<T> {
  readonly #name: string;
  readonly #first: number;
  readonly #pool: Pool<T>;

  constructor(name: string, first: number, capacity: number) {
    this.#name = name;
    this.#first = first;
    this.#pool = new Pool(capacity);
  }

  /** The number of a new object. @throws Refusal where there is no room */
  add(make: (id: number) => T): number {
    const made = this.#pool.add((index) => make(this.#first + index));
    return this.#first + mustFit(made, this.#name);
  }

  get(id: number): T | undefined {
    return this.#pool.get(id - this.#first);
  }

  /** @throws Refusal where there is none */
  find(id: number): T {
    return mustFind(this.get(id), `${this.#name} ${id}`);
  }

  /** @throws Refusal where there is none */
  remove(id: number): T {
    const item = this.find(id);
    this.#pool.remove(id - this.#first);
    return item;
  }

  values(): Iterable<T> {
    return this.#pool.values();
  }
}
