/**
 * Requests that are on their way: the device knows them by a number of 16 bits, and completes them in
 * any order.
 */
export class RequestIds {
  readonly #ids: bigint[];
  readonly #free: number[];

  /** @param capacity how many there are at once, at most 2 ** 16 */
  constructor(capacity: number) {
    this.#ids = new Array<bigint>(capacity).fill(0n);
    this.#free = Array.from({ length: capacity }, (_, i) => capacity - 1 - i);
  }

  get free(): number {
    return this.#free.length;
  }

  /** The number of a request; undefined while all are in use. */
  take(id: bigint): number | undefined {
    const number = this.#free.pop();
    if (number !== undefined) this.#ids[number] = id;
    return number;
  }

  /** The request that a completion is of. */
  give(number: number): bigint {
    const id = this.#ids[number];
    if (id === undefined) throw new Error(`a completion of request ${number}, which never was`);
    this.#free.push(number);
    return id;
  }

  /** Forgets all. */
  clear(): void {
    this.#free.length = 0;
    for (let i = this.#ids.length - 1; i >= 0; i--) this.#free.push(i);
  }
}
