import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UsageError } from '../../harness/errors.ts';
import type { Kernel } from './kernels.ts';

/** Where an x86 kernel image says what it is. Source: Documentation/arch/x86/boot.rst */
const HEADER = { magicOffset: 0x202, magic: 'HdrS', versionOffset: 0x20e, bytes: 0x8000 };

/**
 * A kernel that its author built. Without a modules directory everything that the lab needs must
 * be built in.
 * @throws UsageError that names the path and what is wrong with it
 */
export async function ownKernel(bzImage: string, modules: string | undefined): Promise<Kernel> {
  const image = resolve(bzImage);
  const release = imageRelease(await readHead(image), image);
  const directory = modules === undefined ? undefined : await modulesDirectory(modules, release);
  return {
    name: bzImage,
    release,
    image,
    origin: image,
    ...(directory === undefined ? {} : { modules: directory }),
  };
}

async function readHead(image: string): Promise<Buffer> {
  try {
    const file = await open(image);
    try {
      const head = Buffer.alloc(HEADER.bytes);
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      return head.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new UsageError(`--kernel ${image} cannot be read: ${(error as Error).message}`);
  }
}

/** The release that an image was built as, `7.3.0-rc2+`; what uname -r will say. */
export function imageRelease(head: Buffer, image: string): string {
  const { magicOffset, magic, versionOffset } = HEADER;
  const found = head.subarray(magicOffset, magicOffset + magic.length).toString('latin1');
  if (found !== magic) {
    throw new UsageError(
      `--kernel ${image} is not an x86 kernel image: give arch/x86/boot/bzImage, not vmlinux`,
    );
  }
  // The offset is relative to the end of the first 512 bytes.
  const at = head.readUInt16LE(versionOffset) + 0x200;
  const end = head.indexOf(0, at);
  return (
    head
      .subarray(at, end < 0 ? at : end)
      .toString('latin1')
      .split(' ')[0] ?? ''
  );
}

async function modulesDirectory(modules: string, release: string): Promise<string> {
  const given = resolve(modules);
  const tries = [given, join(given, release), join(given, 'lib/modules', release)];
  const found = tries.find((path) => existsSync(join(path, 'modules.dep')));
  if (found !== undefined) return found;
  const problem = existsSync(given) ? `has no modules.dep for ${release}` : 'does not exist';
  throw new UsageError(
    `--modules ${given} ${problem}: give INSTALL_MOD_PATH of make modules_install`,
  );
}
