import { isIPv4, isIPv6 } from 'node:net';

/** Text and bytes of IP addresses. GIDs are written as IPv6 addresses. */

const GROUPS = 8;
const MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex');

/** Four bytes; throws RangeError where the text is no dotted quad. */
export function ipv4Bytes(text: string): Buffer {
  if (!isIPv4(text)) throw new RangeError(`'${text}' is no IPv4 address`);
  return Buffer.from(text.split('.').map(Number));
}

/** Sixteen bytes of an address as RFC 4291 writes it, without scope; throws RangeError. */
export function ipv6Bytes(text: string): Buffer {
  if (!isIPv6(text) || text.includes('%')) throw new RangeError(`'${text}' is no IPv6 address`);
  const [head = '', tail] = text.split('::');
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const middle = new Array<number>(GROUPS - left.length - right.length).fill(0);
  const bytes = Buffer.alloc(2 * GROUPS);
  for (const [i, group] of [...left, ...middle, ...right].entries()) {
    bytes.writeUInt16BE(group, 2 * i);
  }
  return bytes;
}

/** 16-bit groups; a dotted quad at the end is two of them. */
function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const quad = ipv4Bytes(part);
    return [quad.readUInt16BE(0), quad.readUInt16BE(2)];
  });
}

/** The shortest text: the longest run of zeroes left out, mapped IPv4 with dots. */
export function ipv6Text(bytes: Uint8Array): string {
  const address = Buffer.from(bytes);
  if (address.subarray(0, MAPPED_PREFIX.length).equals(MAPPED_PREFIX)) {
    return `::ffff:${address.subarray(MAPPED_PREFIX.length).join('.')}`;
  }
  const groups = Array.from({ length: GROUPS }, (_, i) => address.readUInt16BE(2 * i).toString(16));
  const runs = `:${groups.join(':')}:`.match(/(?<=:)(0:){2,}/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return groups.join(':');
  const shortened = `:${groups.join(':')}:`.replace(`:${longest}`, '::');
  return shortened.replace(/^:(?!:)/, '').replace(/(?<!:):$/, '');
}
