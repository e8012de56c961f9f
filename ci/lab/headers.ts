import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
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
 * Published headers: of one package version, or the newest. A cached package is used without asking
 * the network, unless `refresh` is set.
 * @returns undefined when the archive no longer has the version that was asked for
 * @throws InfraError when there is none in the cache and it cannot be fetched
 */
export async function fetchHeaders(
  say: Say,
  want: { readonly version?: string; readonly refresh?: boolean } = {},
): Promise<HeaderPackage | undefined> {
  const cached = (await cachedVersions()).filter(
    (version) => version === (want.version ?? version),
  );
  if (cached[0] !== undefined && want.refresh !== true) return unpackedHeaders(cached[0]);
  const apt = await openApt(SUITES);
  await apt.update(say, want.refresh ?? false);
  const found = (await apt.versions(`^${PACKAGE}$`))
    .filter(({ version }) => version === (want.version ?? version))
    .sort((a, b) => compareVersions(b.version, a.version));
  const [newest] = found;
  if (newest === undefined) return undefined;
  const path = cacheDir('headers', newest.version);
  await publishDirectory(path, (temporary) => apt.unpack([newest], temporary, say));
  return unpackedHeaders(newest.version);
}

/** Newest first. */
async function cachedVersions(): Promise<readonly string[]> {
  const directory = cacheDir('headers');
  if (!existsSync(directory)) return [];
  const versions = (await readdir(directory)).filter((name) => !name.startsWith('.'));
  return versions.sort((a, b) => compareVersions(b, a));
}

function unpackedHeaders(packageVersion: string): HeaderPackage {
  const directory = cacheDir('headers', packageVersion);
  const version = packageVersion.split(/[-~+]/)[0] ?? packageVersion;
  return { directory, includeDir: join(directory, 'usr', 'include'), version };
}
