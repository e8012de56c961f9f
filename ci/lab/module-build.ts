import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { InfraError } from '../../harness/errors.ts';
import { ensurePackages } from '../../harness/system-packages.ts';
import type { Say } from './apt.ts';
import { type BuildTree, fetchBuildTree } from './build-tree.ts';
import { cacheDir, publishDirectory } from './cache.ts';
import type { Kernel } from './kernels.ts';
import { lastWords, runProgram, tryProgram } from './programs.ts';

/** The source of one kernel module. */
export interface ModuleSource {
  /** Holds a Kbuild or Makefile, and all that the module is built from. */
  readonly directory: string;
  /** What insmod(8) loads without `.ko`. */
  readonly name: string;
  /** Given to make(1): `{CONFIG_RDMA_SIW: 'm'}` for a folder of the kernel's own tree. */
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * Builds a module for a kernel of the lab, or takes it from the cache when neither its source nor
 * the kernel has changed.
 *
 * @returns the path of the .ko, without debug information
 * @throws InfraError with the compiler's first words
 */
export async function buildModule(kernel: Kernel, source: ModuleSource, say: Say): Promise<string> {
  await ensurePackages('modules');
  const tree = await fetchBuildTree(kernel, say);
  const key = await sourceKey(source);
  const path = cacheDir('modules', tree.id, `${source.name}-${key}`);
  const file = `${source.name}.ko`;
  await publishDirectory(path, async (temporary) => {
    say(`building ${file} for ${kernel.release}`);
    const folder = join(temporary, 'build');
    await cp(source.directory, folder, { recursive: true });
    await make(tree, folder, source);
    await runProgram([
      join(tree.programs, 'x86_64-linux-gnu-strip'),
      '--strip-debug',
      join(folder, file),
    ]);
    await rename(join(folder, file), join(temporary, file));
    await rm(folder, { recursive: true });
  });
  return join(path, file);
}

async function make(tree: BuildTree, folder: string, source: ModuleSource): Promise<void> {
  // WARN_ON() tells the file's name, which must not depend on where the cache is.
  const variables = { KCFLAGS: `-ffile-prefix-map=${folder}/=`, ...source.variables };
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const result = await tryProgram(['make', ...tree.make, `M=${folder}`, ...settings, 'modules'], {
    env: { PATH: `${tree.programs}:${process.env['PATH'] ?? ''}` },
  });
  if (result.status === 0) return;
  const complaint = result.stderr.split('\n').find((line) => /error[: ]|\*\*\*/i.test(line));
  const why = (complaint ?? lastWords(result.stderr)).replace(folder, source.directory);
  throw new InfraError(`${source.name}.ko cannot be built for ${tree.id}: ${why}`);
}

const KEY_DIGITS = 16;

async function sourceKey(source: ModuleSource): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(source.variables ?? {}));
  const entries = await readdir(source.directory, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map((e) => join(e.parentPath, e.name));
  for (const path of paths.sort()) {
    hash.update(`\0${relative(source.directory, path)}\0`).update(await readFile(path));
  }
  return hash.digest('hex').slice(0, KEY_DIGITS);
}
