import type { TargetLoss } from '../target.ts';

/** Keeps account of lost targets, so that a loss that no point explains does not end as a green run. */
export class LossLedger {
  readonly #losses: { readonly message: string; readonly suspects: ReadonlySet<string> }[] = [];
  readonly #guilty = new Set<string>();
  #lastGuilty: string | undefined;

  get count(): number {
    return this.#losses.length;
  }

  add(loss: TargetLoss, guilty: string | undefined, suspects: readonly string[]): void {
    const possible = guilty === undefined ? suspects : [guilty];
    this.#losses.push({ message: loss.message, suspects: new Set(possible) });
    if (guilty !== undefined) this.#guilty.add(guilty);
    this.#lastGuilty = guilty;
  }

  /** Where the last loss happened, as the end of "was lost …". */
  culprit(): string {
    return this.#lastGuilty === undefined ? 'while no point ran' : `in ${this.#lastGuilty}`;
  }

  /** One line on the losses for which no point got a verdict. */
  unexplained(): string | undefined {
    const rest = this.#losses.filter(
      ({ suspects }) => ![...suspects].some((id) => this.#guilty.has(id)),
    );
    const [first] = rest;
    if (!first) return undefined;
    const times = rest.length === 1 ? 'once' : `${rest.length} times`;
    return `the target was lost ${times} and no point is to blame for it: ${first.message}`;
  }
}
