import { existsSync } from 'node:fs';
import { readdir, readFile, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InfraError, UsageError } from '../../harness/errors.ts';
import { ensurePackages } from '../../harness/system-packages.ts';
import { openApt, type PackageName, type Say } from './apt.ts';
import { assertCache, cacheDir, publishDirectory, publishFile } from './cache.ts';
import { compareVersions } from './debian-version.ts';
import { runProgram } from './programs.ts';

/** A kernel that the lab can boot. */
export interface Kernel {
  /** As in `vm:NAME`; for an author's own build the path of the image. */
  readonly name: string;
  /** What the image is called by itself, `6.12.117+deb13-amd64`; empty when it has no modules. */
  readonly release: string;
  readonly image: string;
  /** The directory with modules.dep; absent when everything needed is built in. */
  readonly modules?: string;
  /** Its build configuration, where known. */
  readonly config?: string;
  /** Where it came from, for people. */
  readonly origin: string;
  /** The package of the image; absent for an author's own build. */
  readonly package?: PackageName;
}

/** A kernel by name: which suites are searched, and which packages fit. */
export interface NamedKernel {
  readonly name: string;
  readonly about: string;
  readonly suites: readonly string[];
  readonly packagePattern: string;
  /** Its machine is a newer QEMU than the distribution's, where some device asks for that. */
  readonly qemu?: 'newer';
}

export const DEFAULT_KERNEL = 'debian-6.12';

/** `amd64` right after the version leaves out the -rt- and -cloud- variants, `$` the -dbg ones. */
const imagePattern = (version: string): string =>
  `^linux-image-${version}[^-]*(-[0-9]+)?-amd64(-unsigned)?$`;

export const NAMED_KERNELS: readonly NamedKernel[] = [
  {
    name: 'debian-6.12',
    about: 'the kernel of Debian 13',
    suites: ['trixie', 'trixie-security'],
    packagePattern: imagePattern('6\\.12\\.'),
  },
  {
    name: 'debian-6.1',
    about: 'the kernel of Debian 12',
    suites: ['bookworm', 'bookworm-security'],
    packagePattern: imagePattern('6\\.1\\.'),
  },
  {
    name: 'newest',
    about: 'the newest kernel that Debian has',
    suites: ['trixie-backports', 'sid'],
    packagePattern: imagePattern('[0-9]+\\.[0-9]+\\.[0-9]'),
    qemu: 'newer',
  },
];

export function namedKernel(name: string): NamedKernel {
  const found = NAMED_KERNELS.find((kernel) => kernel.name === name);
  if (found !== undefined) return found;
  const known = NAMED_KERNELS.map((kernel) => kernel.name).join(', ');
  throw new UsageError(`unknown kernel "${name}": use one of ${known}, or --kernel bzImage`);
}

/** The kernel of that name in the cache; undefined when it was never fetched. No network. */
export async function cachedKernel(name: string): Promise<Kernel | undefined> {
  const record = recordFile(namedKernel(name).name);
  if (!existsSync(record)) return undefined;
  const directory = cacheDir('kernels', (await readFile(record, 'utf8')).trim());
  return existsSync(directory) ? await unpackedKernel(name, directory) : undefined;
}

/** Says which unpacked kernel a name stands for, so that a cached one needs no network. */
function recordFile(name: string): string {
  return cacheDir('kernels', `${name}.current`);
}

/**
 * The kernel of that name, fetched if it is not in the cache; `refresh` looks for a newer one.
 * @throws UsageError for an unknown name, InfraError when the packages cannot be had
 */
export async function fetchKernel(name: string, say: Say, refresh = false): Promise<Kernel> {
  const cached = await cachedKernel(name);
  if (cached !== undefined && !refresh) return cached;
  const wanted = namedKernel(name);
  assertCache();
  await ensurePackages('lab');
  const apt = await openApt(wanted.suites);
  await apt.update(say, refresh);
  const image = newestImage(await apt.versions(wanted.packagePattern));
  if (image === undefined) {
    throw new InfraError(`no package for kernel ${name} in ${wanted.suites.join(', ')}`);
  }
  const folder = `${image.name}_${image.version}`;
  const directory = await publishDirectory(cacheDir('kernels', folder), async (temporary) => {
    await apt.unpack([image, ...image.siblings], temporary, say);
    await indexModules(temporary);
  });
  await publishFile(recordFile(name), `${folder}\n`);
  return await unpackedKernel(name, directory);
}

/** The highest version; of its two packages the signed one, since users run that. */
export function newestImage<T extends PackageName>(packages: readonly T[]): T | undefined {
  const isUnsigned = (item: T): number => Number(item.name.endsWith('-unsigned'));
  const best = [...packages].sort(
    (a, b) => compareVersions(b.version, a.version) || isUnsigned(a) - isUnsigned(b),
  );
  return best[0];
}

/** depmod(8) looks under lib/modules or usr/lib/modules, depending on its build: serve both. */
async function indexModules(directory: string): Promise<void> {
  const [old, merged] = [join(directory, 'lib'), join(directory, 'usr/lib')];
  if (!existsSync(old)) await symlink('usr/lib', old);
  if (!existsSync(merged)) await symlink('../lib', merged);
  await runProgram(['depmod', '-b', directory, await onlyRelease(directory)]);
}

async function onlyRelease(directory: string): Promise<string> {
  const [release] = await readdir(join(directory, 'lib/modules'));
  if (release === undefined) throw new InfraError(`${directory} holds no kernel modules`);
  return release;
}

/** Debian moved image and config from /boot to the modules' directory with 7.x. */
async function unpackedKernel(name: string, directory: string): Promise<Kernel> {
  const release = await onlyRelease(directory);
  const modules = join(directory, 'lib/modules', release);
  const boot = (file: string): string => join(directory, 'boot', `${file}-${release}`);
  const place = (file: string): string => [boot(file), join(modules, file)].find(existsSync) ?? '';
  const [packageName = '', version = ''] = basename(directory).split('_');
  return {
    name,
    release,
    image: place('vmlinuz'),
    config: place('config'),
    modules,
    origin: `${packageName} ${version}`,
    package: { name: packageName, version },
  };
}
