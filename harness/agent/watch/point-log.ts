import type { KernelLine } from '../../../reports/results.ts';
import { LOST } from './kernel-log.ts';

/** Lines that a point keeps of each kind: a driver in a loop must fill neither the journal nor a message. */
const KEPT_LINES = 200;

/**
 * What the kernel log said while a point ran. Of more than can be kept it keeps what decides the
 * verdict: signs, and the lines that the case announced.
 */
export class PointLog {
  readonly #lines: KernelLine[] = [];
  #unseen: readonly RegExp[];
  #harmless = 0;
  #signs = 0;
  #leftOut = 0;
  #isTorn = false;

  /** @param announced lines that the case expects, as regular expressions */
  constructor(announced: readonly string[]) {
    this.#unseen = announced.map((pattern) => new RegExp(pattern));
  }

  /** Whether all that was announced has come. */
  get isComplete(): boolean {
    return this.#unseen.length === 0;
  }

  /** Whether records were lost, of which nobody knows what they said. */
  get isTorn(): boolean {
    return this.#isTorn;
  }

  add(line: KernelLine): void {
    if (line === LOST) this.#addLost();
    else if (this.#isAwaited(line) || this.#hasRoom(line)) this.#lines.push(line);
    else this.#leftOut++;
  }

  /** Its lines, and how many were left out. */
  lines(): readonly KernelLine[] {
    const last = this.#lines.at(-1);
    if (this.#leftOut === 0 || last === undefined) return this.#lines;
    const text = `${this.#leftOut} more lines were left out`;
    return [...this.#lines, { timeUs: last.timeUs, level: LOST.level, text }];
  }

  /** Said once, where it happened first. */
  #addLost(): void {
    if (!this.#isTorn) this.#lines.push(LOST);
    this.#isTorn = true;
  }

  /** The first line of each that was announced; others are as any line. */
  #isAwaited({ text }: KernelLine): boolean {
    const before = this.#unseen.length;
    if (before > 0) this.#unseen = this.#unseen.filter((pattern) => !pattern.test(text));
    return this.#unseen.length < before;
  }

  #hasRoom({ sign }: KernelLine): boolean {
    return (sign === undefined ? this.#harmless++ : this.#signs++) < KEPT_LINES;
  }
}
