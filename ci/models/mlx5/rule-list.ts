import type { FlowRule } from './flow-rules.ts';

/** The rules of a table by their indices, which are their order: every frame goes through them. */
export class RuleList implements Iterable<FlowRule> {
  readonly #rules: { readonly index: number; readonly rule: FlowRule }[] = [];

  get(index: number): FlowRule | undefined {
    return this.#rules.find((one) => one.index === index)?.rule;
  }

  /** @returns false where there is one of that index */
  add(index: number, rule: FlowRule): boolean {
    if (this.get(index) !== undefined) return false;
    const behind = this.#rules.findIndex((one) => one.index > index);
    this.#rules.splice(behind < 0 ? this.#rules.length : behind, 0, { index, rule });
    return true;
  }

  /** @returns false where there is none of that index */
  delete(index: number): boolean {
    const at = this.#rules.findIndex((one) => one.index === index);
    if (at >= 0) this.#rules.splice(at, 1);
    return at >= 0;
  }

  *[Symbol.iterator](): Iterator<FlowRule> {
    for (const { rule } of this.#rules) yield rule;
  }
}
