import type { Address, LinkPath } from '../contract-verbs.ts';

/** enum ib_uverbs_gid_type, by number. Source: include/uapi/rdma/ib_user_ioctl_verbs.h */
export const GID_TYPES = ['ib', 'roce-v1', 'roce-v2'] as const;
export type GidType = (typeof GID_TYPES)[number];

/** One entry of a port's GID table. */
export interface GidEntry {
  readonly gid: string;
  readonly index: number;
  readonly port: number;
  readonly type: GidType;
  /** The network device's index; 0 where there is none. */
  readonly ifindex: number;
}

/** 16 bytes as text: eight groups of four digits, or ::ffff:a.b.c.d for IPv4. */
export function gidText(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16).padStart(4, '0'),
  );
  if (groups.slice(0, 6).join('') === '00000000000000000000ffff') {
    return `::ffff:${bytes.slice(12, 16).join('.')}`;
  }
  return groups.join(':');
}

/** The bytes of a GID text as {@link gidText} gives it or as RFC 4291 lets one write it. */
export function gidBytes(text: string): Buffer {
  const bytes = Buffer.alloc(16);
  const halves = withoutDots(text).split('::');
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const gap = 8 - head.length - tail.length;
  const isWhole = halves.length === 1 ? gap === 0 : halves.length === 2 && gap > 0;
  if (!isWhole || ![...head, ...tail].every((group) => /^[0-9a-f]{1,4}$/i.test(group))) {
    throw new TypeError(`'${text}' is no GID: write 16 bytes as an IPv6 address`);
  }
  const groups = [...head, ...Array.from({ length: gap }, () => '0'), ...tail];
  for (const [i, group] of groups.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i);
  return bytes;
}

/** ::ffff:10.0.0.1 with the last four bytes as two groups. */
function withoutDots(text: string): string {
  return text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...quad: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = quad.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
}

/** The third number of the lab's addresses, by path. Source: providers/rdma/lab-links.sh */
const LAB_PATHS: readonly LinkPath[] = [
  'clean',
  'loss',
  'drop-half',
  'delay',
  'duplicate',
  'reorder',
  'dead',
];

/** Only the lab has paths of another kind: its addresses are of 198.18.0.0/15 (RFC 2544). */
function pathOf(gid: string): LinkPath {
  const kind = /^::ffff:198\.1[89]\.(\d+)\./.exec(gid)?.[1];
  return (kind === undefined ? undefined : LAB_PATHS[Number(kind)]) ?? 'clean';
}

/**
 * Where a port is reached: of RoCE a v2 GID, IPv4 first, and none that is link-local: it has a route
 * on some links only, and INIT to RTR answers ENETUNREACH on the others.
 */
export function usableAddress(
  entries: readonly GidEntry[],
  path: LinkPath = 'clean',
): Address | undefined {
  const usable = entries.filter(({ gid, type }) => {
    return type === 'roce-v2' && !gid.startsWith('fe80') && pathOf(gid) === path;
  });
  const best = usable.find(({ gid }) => gid.startsWith('::ffff:')) ?? usable[0];
  if (best === undefined) return undefined;
  return { gid: best.gid, lid: 0, gidIndex: best.index, port: best.port };
}

/**
 * Where a port of InfiniBand is reached: by its LID, which a subnet manager has given it.
 *
 * @param lidOf what a port says; 0 where it has none
 */
export function subnetAddress(
  entries: readonly GidEntry[],
  lidOf: (port: number) => number,
): Address | undefined {
  const first = entries.find(({ type }) => type === 'ib');
  const lid = first === undefined ? 0 : lidOf(first.port);
  if (first === undefined || lid === 0) return undefined;
  return { gid: first.gid, lid, gidIndex: first.index, port: first.port };
}
