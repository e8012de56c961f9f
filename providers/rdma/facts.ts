import type { Facts } from '../contract-verbs.ts';

const camelCases = new Map<string, string>();

/** Names of C fields as cases write them: max_qp_wr is maxQpWr. Structs bring the same ones again. */
function camelCase(name: string): string {
  const known = camelCases.get(name);
  if (known !== undefined) return known;
  const made = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  camelCases.set(name, made);
  return made;
}

type Decoded = { readonly [name: string]: unknown };

function isFact(value: unknown): value is number | bigint | string | boolean {
  return ['number', 'bigint', 'string', 'boolean'].includes(typeof value);
}

/**
 * A decoded struct as facts. Reserved members and lists stay out: a caller who wants a list says
 * what it means, as with GIDs.
 *
 * @param words replaces what is to be told in words, by name in camel case
 */
export function factsOf(
  decoded: Decoded,
  words: { readonly [name: string]: (value: number) => string | number } = {},
): Facts {
  const facts: Record<string, Facts[string]> = {};
  for (const [name, value] of Object.entries(decoded)) {
    if (/^reserved|^pad/.test(name)) continue;
    const key = camelCase(name);
    const word = words[key];
    if (isFact(value)) facts[key] = word === undefined ? value : word(Number(value));
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      facts[key] = factsOf({ ...value }, words);
    }
  }
  return facts;
}

/** A __be64 that was read in the machine's order. */
export function swapped64(value: bigint): bigint {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes.readBigUInt64BE();
}
