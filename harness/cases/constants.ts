import * as system from '../../uapi/constants.ts';
import type { HeaderDescription } from '../../uapi/description.ts';
import { hint } from './problems.ts';

/** Names of fcntl.h that kernel interfaces take, but that none of their headers define. */
const OPEN_FLAGS = Object.entries(system).filter(([name]) => name.startsWith('O_'));

/** The constants that a field of a command may name. */
export class Constants {
  readonly #values: ReadonlyMap<string, number | bigint>;

  constructor(headers: readonly HeaderDescription[]) {
    const described = headers.flatMap(({ constants }) => Object.entries(constants));
    this.#values = new Map([...OPEN_FLAGS, ...described]);
  }

  /**
   * The number that `DRM_CLOEXEC|DRM_RDWR` stands for.
   *
   * @returns the number, or what is wrong with the text
   */
  resolve(text: string): { readonly value: bigint } | { readonly wrong: string } {
    let value = 0n;
    for (const name of text.split('|').map((part) => part.trim())) {
      const constant = this.#values.get(name);
      if (constant === undefined) {
        return { wrong: `'${name}' is no constant of the header; ${this.#hint(name)}` };
      }
      value |= BigInt(constant);
    }
    return { value };
  }

  /** Names that begin alike are more likely meant than names that are as long. */
  #hint(name: string): string {
    const names = [...this.#values.keys()];
    const alike = names.filter((other) => other.slice(0, 4) === name.slice(0, 4));
    return hint(name, alike.length > 0 ? alike : names);
  }
}

/** How a number travels in JSON: beyond 2^53 as hexadecimal text, which is a size to the agent. */
export function toJsonNumber(value: bigint): number | string {
  const plain = Number(value);
  return Number.isSafeInteger(plain) ? plain : `0x${BigInt.asUintN(64, value).toString(16)}`;
}
