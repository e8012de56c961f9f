import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InfraError } from '../../harness/errors.ts';
import { openApt, type PackageName, type PrivateApt, type Say } from './apt.ts';
import { cacheDir, publishDirectory } from './cache.ts';
import { type Kernel, namedKernel } from './kernels.ts';
import { useOwnLoader } from './own-loader.ts';

/** What modules of one kernel are built with. */
export interface BuildTree {
  /** Tells one tree from all others: `linux-headers-6.12.117+deb13-amd64_6.12.117-1`. */
  readonly id: string;
  /** The first arguments of make(1). */
  readonly make: readonly string[];
  /** The directory of the compiler that built the kernel, of the linker and so on. */
  readonly programs: string;
}

/**
 * The headers of a kernel of the distribution with its own compiler, linker and kbuild programs, all
 * from the kernel's release and unpacked beside each other, so that nothing of this machine but
 * make(1) takes part in a build. About 70 MB to download and 300 MB unpacked.
 *
 * @throws InfraError for an author's own kernel, or when the headers cannot be had
 */
export async function fetchBuildTree(kernel: Kernel, say: Say): Promise<BuildTree> {
  const image = kernel.package;
  if (image === undefined) {
    throw new InfraError(
      `no modules can be built for ${kernel.image}: only kernels of the distribution have headers`,
    );
  }
  const headers: PackageName = {
    name: `linux-headers-${kernel.release}`,
    version: image.version,
  };
  const path = cacheDir('build-trees', `${headers.name}_${headers.version}`);
  await publishDirectory(path, async (temporary) => {
    const { suites } = namedKernel(kernel.name);
    const apt = await openApt(suites);
    await apt.update(say);
    const packages = await packagesOf(apt, headers);
    if (packages === undefined) {
      throw new InfraError(
        `${suites.join(', ')} no longer has ${headers.name} ${headers.version}: ` +
          `take a newer kernel (uapi-conform lab fetch ${kernel.name} --refresh)`,
      );
    }
    await apt.unpack(packages, temporary, say);
    await rm(join(temporary, 'usr/share'), { recursive: true });
    await useOwnLoader(temporary, path);
  });
  return treeAt(path, headers.name);
}

/** The headers without what they depend on (an installed kernel), and what a build needs, with it. */
async function packagesOf(
  apt: PrivateApt,
  headers: PackageName,
): Promise<readonly PackageName[] | undefined> {
  const versions = await apt.versions(`^${headers.name.replaceAll(/[.+]/g, '\\$&')}$`);
  const found = versions.find((item) => item.version === headers.version);
  if (found === undefined) return undefined;
  const common = found.siblings.filter((item) => item.name.endsWith('-common'));
  const tools = found.depends.filter((name) =>
    /^(gcc|linux-compiler-gcc|linux-kbuild)-/.test(name),
  );
  const needs = await apt.closure([
    ...common.map((each) => `${each.name}=${each.version}`),
    ...tools,
  ]);
  return [found, ...needs];
}

/**
 * The makefile of the flavour's headers names the common ones by the path of an installed package;
 * O= says the same of any place.
 */
function treeAt(path: string, headers: string): BuildTree {
  const sources = join(path, 'usr/src');
  const output = join(sources, headers);
  const common = join(sources, headers.replace(/-amd64$/, '-common'));
  if (!existsSync(common)) throw new InfraError(`${path} has no ${basename(common)}`);
  return {
    id: basename(path),
    make: ['-C', common, `O=${output}`],
    programs: join(path, 'usr/bin'),
  };
}
