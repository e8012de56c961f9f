/** Which point ran before which in the same lane of an agent: what the worker was left as. */
export class LaneHistory<P extends { readonly id: string }> {
  readonly #last = new Map<number, P>();
  readonly #before = new Map<string, P>();

  started(point: P, lane: number): void {
    const last = this.#last.get(lane);
    if (last) this.#before.set(point.id, last);
    this.#last.set(lane, point);
  }

  /** @returns the point that ran before it */
  ended({ id }: Pick<P, 'id'>): P | undefined {
    const before = this.#before.get(id);
    this.#before.delete(id);
    return before;
  }
}
