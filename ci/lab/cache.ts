import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { InfraError } from '../../harness/errors.ts';
import { makeDirectories } from '../../reports/make-directories.ts';

/** Where downloads, unpacked kernels and initial RAM disks are kept; shared by all checkouts. */
export function cacheDir(...parts: readonly string[]): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'uapi-conform', ...parts);
}

/** All that the lab makes or gets is kept there. @throws InfraError before anything slow is begun */
export function assertCache(): void {
  const path = cacheDir();
  try {
    makeDirectories(path);
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InfraError(
      `${path}: the cache of the lab cannot be written to: ${why}. ` +
        'Set XDG_CACHE_HOME to a directory that can.',
      { cause: error },
    );
  }
}

/**
 * Makes a directory appear at once and whole: `fill` works in a hidden neighbour, which is then
 * renamed. Where another process was faster, its result stands and ours is dropped.
 */
export async function publishDirectory(
  path: string,
  fill: (temporary: string) => Promise<void>,
): Promise<string> {
  if (existsSync(path)) return path;
  await dropAbandoned(dirname(path));
  const temporary = temporaryName(path);
  await mkdir(temporary, { recursive: true });
  try {
    await fill(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!existsSync(path)) throw error;
  }
  return path;
}

/** Writes a file so that no reader ever sees half of it. */
export async function publishFile(path: string, content: string | Uint8Array): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryName(path);
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  return path;
}

const ABANDONED = /^\.new-(\d+)-/;

function temporaryName(path: string): string {
  return join(dirname(path), `.new-${process.pid}-${basename(path)}`);
}

/** Removes what a killed run left half done. */
async function dropAbandoned(directory: string): Promise<void> {
  for (const name of existsSync(directory) ? await readdir(directory) : []) {
    const pid = ABANDONED.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** Keeps the files of a kind that were used last; one that QEMU has started with is in its memory. */
export async function dropOld(directory: string, ending: string, kept: number): Promise<void> {
  await mkdir(directory, { recursive: true });
  const names = (await readdir(directory)).filter((name) => name.endsWith(ending));
  const aged = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      const usedMs = await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      );
      return { path, usedMs };
    }),
  );
  aged.sort((a, b) => b.usedMs - a.usedMs);
  for (const { path } of aged.slice(kept)) await rm(path, { force: true });
}
