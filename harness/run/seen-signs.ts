import type { KernelLine } from '../../reports/results.ts';
import type { TargetLoss } from '../target.ts';

/** What a boot's kernel log said went wrong in points that have their verdicts: none of it is news. */
export class SeenSigns {
  readonly #texts = new Set<string>();

  saw(lines: readonly KernelLine[]): void {
    for (const { sign, text } of lines) if (sign !== undefined) this.#texts.add(text);
  }

  /** The first sign of a loss that no point had before, as the end of its message. */
  newIn({ signs = [] }: TargetLoss): string {
    const texts = [...this.#texts];
    const first = signs.find((sign) => !texts.some((text) => text.includes(sign)));
    return first === undefined ? '' : ` (first sign: ${first})`;
  }
}
