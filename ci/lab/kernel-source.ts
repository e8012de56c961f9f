import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InfraError } from '../../harness/errors.ts';
import { openApt, type PackageName, type Say } from './apt.ts';
import { cacheDir, publishDirectory } from './cache.ts';
import { type Kernel, namedKernel } from './kernels.ts';
import { lastWords, tryProgram } from './programs.ts';

/**
 * One folder of the source that a kernel of the distribution was built from. The package has the
 * whole source, about 150 MB to download; only the folder is kept.
 *
 * @returns where the folder is
 * @throws InfraError for an author's own kernel, or when the source cannot be had
 */
export async function fetchKernelSource(kernel: Kernel, folder: string, say: Say): Promise<string> {
  return await fetchSource(kernel, [folder], say, async (unpacked, directory) => {
    const kept = join(unpacked, folder);
    for (const entry of await readdir(kept)) {
      await rename(join(kept, entry), join(directory, entry));
    }
  });
}

/** The same for several folders and files, which keep their places. */
export async function fetchKernelSources(
  kernel: Kernel,
  paths: readonly string[],
  say: Say,
): Promise<string> {
  return await fetchSource(kernel, paths, say, async (unpacked, directory) => {
    for (const path of paths) {
      await mkdir(join(directory, dirname(path)), { recursive: true });
      await rename(join(unpacked, path), join(directory, path));
    }
    const folders = paths.filter((path) => existsSync(join(directory, path, 'Makefile')));
    const words = folders.map((path) => `${path}/`).join(' ');
    await writeFile(join(directory, 'Kbuild'), `obj-m += ${words}\n`);
  });
}

/** @param keep takes from the unpacked source what is to stay */
async function fetchSource(
  kernel: Kernel,
  paths: readonly string[],
  say: Say,
  keep: (unpacked: string, directory: string) => Promise<void>,
): Promise<string> {
  const source = sourcePackage(kernel);
  if (source === undefined) {
    throw new InfraError(`the source of ${kernel.image} is not known to the lab`);
  }
  const name = paths.join('+').replaceAll('/', '_');
  const place = cacheDir('sources', `${source.name}_${source.version}`, name);
  return await publishDirectory(place, async (temporary) => {
    const { suites } = namedKernel(kernel.name);
    const apt = await openApt(suites);
    await apt.update(say);
    const versions = await apt.versions(`^${source.name.replaceAll('.', '\\.')}$`);
    if (!versions.some((item) => item.version === source.version)) {
      throw new InfraError(
        `${suites.join(', ')} no longer has ${source.name} ${source.version}: ` +
          `take a newer kernel (uapi-conform lab fetch ${kernel.name} --refresh)`,
      );
    }
    await apt.unpack([source], temporary, say);
    const unpacked = await unpackArchive(temporary, source.name, paths);
    await keep(unpacked, temporary);
    await rm(join(temporary, '.source'), { recursive: true });
  });
}

/** The package with the source of a kernel, of the same version; undefined for an author's own. */
export function sourcePackage(kernel: Kernel): PackageName | undefined {
  const release = /^\d+\.\d+/.exec(kernel.release)?.[0];
  if (kernel.package === undefined || release === undefined) return undefined;
  return { name: `linux-source-${release}`, version: kernel.package.version };
}

/** Replaces an unpacked package, which holds one archive, by some of its content. */
async function unpackArchive(
  directory: string,
  name: string,
  paths: readonly string[],
): Promise<string> {
  const archive = join(directory, 'usr/src', `${name}.tar.xz`);
  const unpacked = join(directory, '.source');
  await mkdir(unpacked);
  const members = paths.map((path) => `${name}/${path}`);
  const result = await tryProgram(['tar', '-xf', archive, '-C', unpacked, ...members]);
  const missing = paths.find((path) => !existsSync(join(unpacked, name, path)));
  if (missing !== undefined) throw new InfraError(`${name} has no ${missing}`);
  if (result.status !== 0) throw new InfraError(`${archive}: ${lastWords(result.stderr)}`);
  await rm(join(directory, 'usr'), { recursive: true });
  return join(unpacked, name);
}
