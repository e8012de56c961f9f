import { parseSize, SizeError } from '../size.ts';

type Scalar = string | number | boolean;

/**
 * Puts values in the place of `$name`, wherever a text is that or a size with that in it. Names
 * that are not among the values stay.
 *
 * @throws SizeError when a value does not fit into the size that it is a part of
 */
export function substitute<T>(value: T, values: Readonly<Record<string, Scalar>>): T {
  return replaced(value, values) as T;
}

function replaced(value: unknown, values: Readonly<Record<string, Scalar>>): unknown {
  if (typeof value === 'string') return inText(value, values);
  if (Array.isArray(value)) return value.map((item) => replaced(item, values));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([key, item]) => [key, replaced(item, values)]));
}

function inText(text: string, values: Readonly<Record<string, Scalar>>): Scalar {
  if (!text.includes('$')) return text;
  const whole = values[text.slice(1)];
  if (text.startsWith('$') && whole !== undefined) return whole;
  return text.replaceAll(/\$([a-z][A-Za-z0-9]*)(?![A-Za-z0-9.[])/g, (reference, name: string) => {
    const value = values[name];
    return value === undefined ? reference : oneTerm(String(value), text);
  });
}

/** A sum inside a difference would change its sign half-way, so only one term fits in. */
function oneTerm(value: string, text: string): string {
  const [term, more] = parseSize(value);
  if (term?.sign === 1n && more === undefined) return value;
  throw new SizeError(`'${value}' is no single term, so it does not fit into '${text}'`);
}
