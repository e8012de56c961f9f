import { CaseDefect } from './values.ts';

/**
 * Content that depends on the position, so that a wrong offset, a swapped page or a stale buffer
 * shows. `from` is the position of the first byte.
 */
export function patternBytes(pattern: string, from: bigint, length: number): Buffer {
  const [name, argument = ''] = pattern.split(':');
  switch (name) {
    case 'zero':
      return Buffer.alloc(length);
    case 'ones':
      return Buffer.alloc(length, 0xff);
    case 'byte':
      return Buffer.alloc(length, Number(argument));
    case 'hex':
      return repeated(Buffer.from(argument, 'hex'), from, length);
    case 'counter':
      return words(from, length, (index) => index);
    case 'seed':
      return words(from, length, (index) => mix(index ^ Math.imul(Number(argument), 0x9e3779b1)));
    default:
      throw new CaseDefect(`unknown pattern ${pattern}`);
  }
}

/** The same bytes again and again: what is written once must be no longer than they are. */
function repeated(bytes: Buffer, from: bigint, length: number): Buffer {
  const skip = Number(from % BigInt(bytes.length));
  return Buffer.alloc(skip + length, bytes).subarray(skip);
}

/** 32-bit words, each a function of its index in the whole pattern; the range may start inside one. */
function words(from: bigint, length: number, word: (index: number) => number): Buffer {
  const skip = Number(from & 3n);
  const first = Number(BigInt.asUintN(32, from >> 2n));
  const count = Math.ceil((skip + length) / 4);
  const array = new Uint32Array(count);
  for (let i = 0; i < count; i++) array[i] = word((first + i) >>> 0);
  return Buffer.from(array.buffer, skip, length);
}

/** The finalizer of a 32-bit hash: neighbouring positions share no bits. */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
