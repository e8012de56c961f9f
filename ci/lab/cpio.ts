/** One entry of an initial RAM disk. Only plain files have content, only devices a number. */
export interface CpioEntry {
  readonly path: string;
  readonly mode: number;
  readonly content?: Uint8Array;
  readonly device?: { readonly major: number; readonly minor: number };
}

export const DIRECTORY = 0o040755;
export const PLAIN_FILE = 0o100644;
export const PROGRAM = 0o100755;
export const CHARACTER_DEVICE = 0o020600;

/**
 * A cpio archive of the "newc" kind, uncompressed: the kernel unpacks it faster than it would
 * decompress it. Times are zero, so that the same input gives the same bytes.
 * Source: Documentation/driver-api/early-userspace/buffer-format.rst
 */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  entries.forEach((entry, i) => {
    parts.push(...record(entry, i + 1));
  });
  parts.push(...record({ path: 'TRAILER!!!', mode: 0 }, 0));
  return Buffer.concat(parts);
}

function record(entry: CpioEntry, inode: number): Uint8Array[] {
  const name = Buffer.from(`${entry.path}\0`);
  const content = entry.content ?? Buffer.alloc(0);
  const isDirectory = (entry.mode & 0o170000) === 0o040000;
  const [mtime, devMajor, devMinor, checksum] = [0, 0, 0, 0];
  const fields = [
    inode,
    entry.mode,
    ...[0, 0], // owner and group
    isDirectory ? 2 : 1, // links
    mtime,
    content.length,
    ...[devMajor, devMinor, entry.device?.major ?? 0, entry.device?.minor ?? 0],
    name.length,
    checksum,
  ];
  const header = `070701${fields.map((n) => n.toString(16).padStart(8, '0')).join('')}`;
  return [padded(Buffer.concat([Buffer.from(header), name])), padded(content)];
}

/** Header with name, and content, each end on a multiple of four bytes. */
function padded(bytes: Uint8Array): Uint8Array {
  const missing = (4 - (bytes.length % 4)) % 4;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}
