/**
 * The one size grammar, used when a case is loaded and again when it runs:
 *
 *     size = [ '-' ] term { ('+' | '-') term }
 *     term = number [ 'B' | 'KiB' | 'MiB' | 'GiB' ] | 'page' | number ' pages' | '$' reference
 *
 * Numbers are decimal or hexadecimal (`0x1000`); a blank may stand around `+` and `-` and before a
 * unit. The result is exact: bigint, so that 2^64-1 and sums beyond it can be asked for, and an
 * offset may be below zero.
 */

/** One summand. A reference is without its `$`: `buffer.size`. */
export type Term = { readonly sign: 1n | -1n } & (
  | { readonly kind: 'bytes'; readonly bytes: bigint }
  | { readonly kind: 'pages'; readonly count: bigint }
  | { readonly kind: 'reference'; readonly path: string }
);

/** A text that is no size; the message names the part that is wrong. */
export class SizeError extends Error {
  override name = 'SizeError';
}

const UNITS: Readonly<Record<string, bigint>> = {
  '': 1n,
  B: 1n,
  KiB: 1024n,
  MiB: 1024n ** 2n,
  GiB: 1024n ** 3n,
};

const NUMBER = /^(0x[0-9a-fA-F]+|[0-9]+) ?([A-Za-z]*)$/;
const REFERENCE = /^\$([a-z][A-Za-z0-9]*(?:\[[0-9]+\]|\.[A-Za-z0-9_]+)*)$/;

/** False for most texts that are no size, without the cost of an error. */
export function mayBeSize(text: string): boolean {
  return /^(?:[-+$0-9]|page)/.test(text);
}

/** @throws SizeError when the text is no size */
export function parseSize(text: string): Term[] {
  const parts = text.split(/( ?[+-] ?)/);
  if (parts[0] === '' && parts.length > 1) parts[0] = '0';
  return parts.flatMap((part, index) => {
    if (index % 2 === 1) return [];
    const sign = parts[index - 1]?.trim() === '-' ? -1n : 1n;
    return [parseTerm(part, sign, text)];
  });
}

function parseTerm(part: string, sign: 1n | -1n, text: string): Term {
  if (part === 'page') return { sign, kind: 'pages', count: 1n };
  const reference = REFERENCE.exec(part)?.[1];
  if (reference !== undefined) return { sign, kind: 'reference', path: reference };
  const [, digits, word] = NUMBER.exec(part) ?? [];
  const place = part === text ? '' : ` in '${text}'`;
  if (digits === undefined || word === undefined) {
    throw new SizeError(`'${part}'${place} is no term of a size; ${TERMS}`);
  }
  if (word === 'pages' || word === 'page') return { sign, kind: 'pages', count: BigInt(digits) };
  const unit = UNITS[word];
  if (unit === undefined) throw new SizeError(`'${word}'${place} is no unit; ${TERMS}`);
  return { sign, kind: 'bytes', bytes: BigInt(digits) * unit };
}

const TERMS = 'terms are 4096, 0x1000, 64KiB (B, KiB, MiB, GiB), page, 2 pages and $name';

/**
 * Bytes; below zero when the differences say so.
 *
 * @param lookup gives the bytes that a reference (`buffer.size`) stands for
 * @param pageSize bytes
 */
export function evaluateSize(
  terms: readonly Term[],
  lookup: (path: string) => bigint,
  pageSize: number,
): bigint {
  return terms.reduce((sum, term) => sum + term.sign * termBytes(term, lookup, pageSize), 0n);
}

function termBytes(term: Term, lookup: (path: string) => bigint, pageSize: number): bigint {
  switch (term.kind) {
    case 'bytes':
      return term.bytes;
    case 'pages':
      return term.count * BigInt(pageSize);
    case 'reference':
      return lookup(term.path);
  }
}

/**
 * The number that a size is on every machine; undefined where pages or references are in it.
 *
 * @throws SizeError
 */
export function literalSize(text: string): bigint | undefined {
  let sum = 0n;
  for (const term of parseSize(text)) {
    if (term.kind !== 'bytes') return undefined;
    sum += term.sign * term.bytes;
  }
  return sum;
}
