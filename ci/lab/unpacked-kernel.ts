import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat, utimes } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { findProgram } from '../../harness/system-packages.ts';
import { cacheDir, dropOld, publishFile } from './cache.ts';
import { filterProgram } from './programs.ts';

const KEPT = 4;

/**
 * The kernel inside a bzImage, which starts a second earlier under emulation: else the guest unpacks it
 * itself. Taken from the cache when it was unpacked before.
 *
 * @returns the image itself when it holds none that QEMU can start (CONFIG_PVH)
 */
export async function unpackedKernel(image: string): Promise<string> {
  const { size, mtimeMs } = await stat(image);
  const key = createHash('sha256').update(`${image}\0${size}\0${mtimeMs}`).digest('hex');
  const path = cacheDir('unpacked-kernels', `${key.slice(0, 32)}.elf`);
  if (existsSync(path)) {
    await utimes(path, new Date(), new Date());
    return path;
  }
  // What is wrong with an image is told when it is started.
  const kernel = await unpack(await readFile(image)).catch(() => undefined);
  if (kernel === undefined || !startsByPvh(kernel)) return image;
  await publishFile(path, kernel);
  await dropOld(cacheDir('unpacked-kernels'), '.elf', KEPT);
  return path;
}

/** Offsets of Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header". */
const SETUP_SECTORS = 0x1f1;
const MAGIC = 0x202;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const SECTOR_BYTES = 512;

/** What the payload's first bytes say that it is packed with, and the program that unpacks it. */
const PACKERS: readonly (readonly [magic: string, program: string])[] = [
  ['28b52ffd', 'zstd'],
  ['fd377a58', 'xz'],
];
const GZIP = '1f8b0800';

/** The unpacked payload; undefined where that is not known to us. */
async function unpack(image: Buffer): Promise<Buffer | undefined> {
  if (image.toString('latin1', MAGIC, MAGIC + 4) !== 'HdrS') return undefined;
  const start =
    ((image[SETUP_SECTORS] || 4) + 1) * SECTOR_BYTES + image.readUInt32LE(PAYLOAD_OFFSET);
  const payload = image.subarray(start, start + image.readUInt32LE(PAYLOAD_LENGTH));
  const magic = payload.toString('hex', 0, 4);
  if (magic === GZIP) return gunzipSync(payload);
  const [, program] = PACKERS.find(([first]) => first === magic) ?? [];
  if (program === undefined || findProgram(program) === undefined) return undefined;
  // The kernel's makefile adds the unpacked size (scripts/Makefile.lib, size_append).
  const packed = payload.subarray(0, payload.length - 4);
  const kernel = await filterProgram([program, '-dcq'], packed);
  return kernel.length === payload.readUInt32LE(packed.length) ? kernel : undefined;
}

const PT_NOTE = 4;
/** include/xen/interface/elfnote.h: the entry point of a PVH start. */
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

/** Whether an ELF file says where QEMU can start it. */
export function startsByPvh(elf: Buffer): boolean {
  if (elf.toString('hex', 0, 5) !== '7f454c4602') return false;
  const headers = Number(elf.readBigUInt64LE(32));
  const size = elf.readUInt16LE(54);
  return Array.from({ length: elf.readUInt16LE(56) }, (_, index) => headers + index * size)
    .filter((at) => elf.readUInt32LE(at) === PT_NOTE)
    .some((at) => {
      const offset = Number(elf.readBigUInt64LE(at + 8));
      return hasPvhNote(elf.subarray(offset, offset + Number(elf.readBigUInt64LE(at + 32))));
    });
}

function hasPvhNote(notes: Buffer): boolean {
  for (let at = 0; at + 12 <= notes.length; ) {
    const [nameBytes, dataBytes, type] = [0, 4, 8].map((part) => notes.readUInt32LE(at + part));
    if (nameBytes === undefined || dataBytes === undefined) return false;
    const name = notes.toString('latin1', at + 12, at + 12 + nameBytes);
    if (name === 'Xen\0' && type === XEN_ELFNOTE_PHYS32_ENTRY) return true;
    at += 12 + aligned(nameBytes) + aligned(dataBytes);
  }
  return false;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
