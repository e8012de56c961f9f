import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InfraError } from '../../harness/errors.ts';
import { openApt, type PackageName, type Say } from './apt.ts';
import { cacheDir, publishDirectory } from './cache.ts';
import { type Kernel, namedKernel } from './kernels.ts';
import { runProgram } from './programs.ts';

/**
 * One folder of the source that a kernel of the distribution was built from. The package has the
 * whole source, about 150 MB to download; only the folder is kept.
 *
 * @returns where the folder is
 * @throws InfraError for an author's own kernel, or when the source cannot be had
 */
export async function fetchKernelSource(kernel: Kernel, folder: string, say: Say): Promise<string> {
  const source = sourcePackage(kernel);
  if (source === undefined) {
    throw new InfraError(`the source of ${kernel.image} is not known to the lab`);
  }
  const place = cacheDir(
    'sources',
    `${source.name}_${source.version}`,
    folder.replaceAll('/', '_'),
  );
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
    await keepOnly(temporary, source.name, folder);
  });
}

/** The package with the source of a kernel, of the same version; undefined for an author's own. */
export function sourcePackage(kernel: Kernel): PackageName | undefined {
  const release = /^\d+\.\d+/.exec(kernel.release)?.[0];
  if (kernel.package === undefined || release === undefined) return undefined;
  return { name: `linux-source-${release}`, version: kernel.package.version };
}

/** Replaces an unpacked package, which holds one archive, by the content of one of its folders. */
async function keepOnly(directory: string, name: string, folder: string): Promise<void> {
  const archive = join(directory, 'usr/src', `${name}.tar.xz`);
  const unpacked = join(directory, '.source');
  await mkdir(unpacked);
  await runProgram(['tar', '-xf', archive, '-C', unpacked, `${name}/${folder}`]);
  await rm(join(directory, 'usr'), { recursive: true });
  const kept = join(unpacked, name, folder);
  if (!existsSync(kept)) throw new InfraError(`${name} has no ${folder}`);
  for (const entry of await readdir(kept)) await rename(join(kept, entry), join(directory, entry));
  await rm(unpacked, { recursive: true });
}
