import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InfraError } from '../../harness/errors.ts';
import { openApt, type Say } from './apt.ts';
import { cacheDir, publishDirectory } from './cache.ts';
import { compareVersions } from './debian-version.ts';

/** Kernel headers as the distribution publishes them, unpacked. */
export interface HeaderPackage {
  /** The unpacked package, as `--headers DIR` takes it. */
  readonly directory: string;
  /** Where linux/ and drm/ are. */
  readonly includeDir: string;
  /** The kernel version, `7.3.4`. */
  readonly version: string;
}

const PACKAGE = 'linux-libc-dev';
const SUITES = ['trixie-backports', 'sid'];

/**
 * The newest published headers. A cached package is used without asking the network, unless
 * `refresh` is set.
 * @throws InfraError when there is none in the cache and it cannot be fetched
 */
export async function fetchHeaders(say: Say, refresh = false): Promise<HeaderPackage> {
  const cached = await newestCached();
  if (cached !== undefined && !refresh) return unpackedHeaders(cached);
  const apt = await openApt(SUITES);
  await apt.update(say, refresh);
  const found = await apt.versions(`^${PACKAGE}$`);
  const newest = found.sort((a, b) => compareVersions(b.version, a.version))[0];
  if (newest === undefined) throw new InfraError(`no ${PACKAGE} in ${SUITES.join(', ')}`);
  const path = cacheDir('headers', newest.version);
  await publishDirectory(path, (temporary) => apt.unpack([newest], temporary, say));
  return unpackedHeaders(newest.version);
}

async function newestCached(): Promise<string | undefined> {
  const directory = cacheDir('headers');
  if (!existsSync(directory)) return undefined;
  const versions = (await readdir(directory)).filter((name) => !name.startsWith('.'));
  return versions.sort((a, b) => compareVersions(b, a))[0];
}

function unpackedHeaders(packageVersion: string): HeaderPackage {
  const directory = cacheDir('headers', packageVersion);
  const version = packageVersion.split(/[-~+]/)[0] ?? packageVersion;
  return { directory, includeDir: join(directory, 'usr', 'include'), version };
}
