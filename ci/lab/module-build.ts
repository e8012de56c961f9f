import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { InfraError } from '../../harness/errors.ts';
import { ensurePackages } from '../../harness/system-packages.ts';
import type { Say } from './apt.ts';
import { type BuildTree, fetchBuildTree } from './build-tree.ts';
import { cacheDir, publishDirectory } from './cache.ts';
import type { Kernel } from './kernels.ts';
import { lastWords, runProgram, tryProgram } from './programs.ts';

/** The source of one kernel module, or of several that are built together. */
export interface ModuleSource {
  /** Holds a Kbuild or Makefile, and all that the module is built from. */
  readonly directory: string;
  /** A directory whose files are put over those. */
  readonly over?: string;
  /** What insmod(8) loads without `.ko`; of several, what they are called together. */
  readonly name: string;
  /** Of several the names, in the order of loading; `name?` where not every source has it. */
  readonly modules?: readonly string[];
  /** Given to make(1): `{CONFIG_RDMA_SIW: 'm'}` for a folder of the kernel's own tree. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** The .ko of a source that makes one module; see buildModules(). */
export async function buildModule(kernel: Kernel, source: ModuleSource, say: Say): Promise<string> {
  const [file] = await buildModules(kernel, source, say);
  if (file === undefined) throw new InfraError(`${source.name}.ko was not built`);
  return file;
}

/**
 * Builds modules for a kernel of the lab, or takes them from the cache when neither their source
 * nor the kernel has changed.
 *
 * @returns the paths of the .ko files, without debug information, in the order of loading
 * @throws InfraError with the compiler's first words
 */
export async function buildModules(
  kernel: Kernel,
  source: ModuleSource,
  say: Say,
): Promise<readonly string[]> {
  await ensurePackages('modules');
  const tree = await fetchBuildTree(kernel, say);
  const key = await sourceKey(source);
  const path = cacheDir('modules', tree.id, `${source.name}-${key}`);
  await publishDirectory(path, async (temporary) => {
    say(`building ${source.name}.ko for ${kernel.release}`);
    const folder = join(temporary, 'build');
    for (const directory of directoriesOf(source)) await cp(directory, folder, { recursive: true });
    await make(tree, folder, source);
    await takeModules(tree, folder, temporary, source);
    await rm(folder, { recursive: true });
  });
  return wanted(source)
    .map(({ file }) => join(path, file))
    .filter(existsSync);
}

function wanted({ name, modules }: ModuleSource): { file: string; isOptional: boolean }[] {
  return (modules ?? [name]).map((each) => ({
    file: `${each.replace(/\?$/, '')}.ko`,
    isOptional: each.endsWith('?'),
  }));
}

/** Moves what was asked for out of the folder that make(1) worked in. */
async function takeModules(
  tree: BuildTree,
  folder: string,
  into: string,
  source: ModuleSource,
): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  for (const { file, isOptional } of wanted(source)) {
    const place = names.find((name) => basename(name) === file);
    if (place === undefined) {
      if (isOptional) continue;
      throw new InfraError(`${source.name} was built for ${tree.id} without a ${file}`);
    }
    const strip = join(tree.programs, 'x86_64-linux-gnu-strip');
    await runProgram([strip, '--strip-debug', join(folder, place)]);
    await rename(join(folder, place), join(into, file));
  }
}

async function make(tree: BuildTree, folder: string, source: ModuleSource): Promise<void> {
  // WARN_ON() tells the file's name, which must not depend on where the cache is.
  const flags = [`-ffile-prefix-map=${folder}/=`, ...definitions(source.variables ?? {})];
  const variables = { KCFLAGS: flags.join(' '), ...source.variables };
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const result = await tryProgram(['make', ...tree.make, `M=${folder}`, ...settings, 'modules'], {
    env: { PATH: `${tree.programs}:${process.env['PATH'] ?? ''}` },
  });
  if (result.status === 0) return;
  const complaint = result.stderr.split('\n').find((line) => /error[: ]|\*\*\*/i.test(line));
  const why = (complaint ?? lastWords(result.stderr)).replace(folder, source.directory);
  throw new InfraError(`${source.name}.ko cannot be built for ${tree.id}: ${why}`);
}

/** What autoconf.h would say of switches, which make(1) alone knows otherwise. */
function definitions(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables)
    .filter(([name, value]) => name.startsWith('CONFIG_') && value !== 'n')
    .map(([name, value]) => (value === 'm' ? `-D${name}_MODULE=1` : `-D${name}=1`));
}

const KEY_DIGITS = 16;

async function sourceKey(source: ModuleSource): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(source.variables ?? {}));
  for (const directory of directoriesOf(source)) {
    const entries = await readdir(directory, { withFileTypes: true, recursive: true });
    const paths = entries.filter((entry) => entry.isFile()).map((e) => join(e.parentPath, e.name));
    for (const path of paths.sort()) {
      hash.update(`\0${relative(directory, path)}\0`).update(await readFile(path));
    }
  }
  return hash.digest('hex').slice(0, KEY_DIGITS);
}

/** Later ones are put over those before them. */
function directoriesOf({ directory, over }: ModuleSource): readonly string[] {
  return over === undefined ? [directory] : [directory, over];
}
