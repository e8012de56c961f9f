import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { announce } from '../../../harness/announce.ts';
import { InfraError } from '../../../harness/errors.ts';
import { openApt } from '../../lab/apt.ts';
import { cacheDir, publishDirectory } from '../../lab/cache.ts';
import { useOwnLoader } from '../../lab/own-loader.ts';

/**
 * The tests of igt-gpu-tools, which Debian has since 2.2 in a package of their own; releases up to
 * 13 have its tools only. Unpacked beside all that they depend on: 60 MB to download.
 */

const PACKAGE = 'igt-gpu-tools-tests';
const SUITES = ['sid'];

/** @returns the tree with the package, or undefined where it cannot be had; the reason is said */
export async function fetchIgt(): Promise<string | undefined> {
  try {
    return (await cachedIgt()) ?? (await unpackIgt());
  } catch (error) {
    if (!(error instanceof InfraError)) throw error;
    announce(`no igt-gpu-tools: ${error.message}`);
    return undefined;
  }
}

async function cachedIgt(): Promise<string | undefined> {
  const names = await readdir(cacheDir('igt')).catch(() => []);
  const name = names.find((each) => each.startsWith(PACKAGE));
  return name === undefined ? undefined : cacheDir('igt', name);
}

async function unpackIgt(): Promise<string> {
  const apt = await openApt(SUITES);
  await apt.update(announce);
  const [found] = await apt.versions(`^${PACKAGE}$`);
  if (found === undefined) throw new InfraError(`${SUITES.join(', ')} has no ${PACKAGE}`);
  const path = cacheDir('igt', `${PACKAGE}_${found.version}`);
  return await publishDirectory(path, async (temporary) => {
    await apt.unpack(await apt.closure([`${PACKAGE}=${found.version}`]), temporary, announce);
    await rm(join(temporary, 'usr/share'), { recursive: true });
    await useOwnLoader(temporary, path);
  });
}
