import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../../uapi/project-root.ts';
import { cacheDir, dropOld } from './cache.ts';
import { runProgram } from './programs.ts';

/** What node is started with to make a pack and to use it: compiled code fits the same options only. */
export const PACK_NODE = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];

/** What a pack is made of; the input of make-agent-pack.ts. */
export interface PackPlan {
  readonly output: string;
  /** Paths of modules. */
  readonly files: readonly string[];
  /** Those that are loaded before the drivers are there; each brings along what it imports. */
  readonly ahead: readonly string[];
}

const PACKS_KEPT = 8;
const MAKER = fileURLToPath(new URL('make-agent-pack.js', import.meta.url));

/**
 * The modules of the target half in one file, with their compiled code, for guest/packed.cjs: taken
 * from the cache when no module has changed.
 *
 * @param nodeFlags what node is started with in the guest besides
 * @param providerPaths folders of providers outside the tree
 */
export async function agentPack(
  nodeFlags: readonly string[],
  providerPaths: readonly string[],
): Promise<string> {
  const build = join(projectRoot(), 'build');
  const outside = providerPaths.map((path) => resolve(path));
  const inTree = ['uapi', 'providers', 'harness/agent'].map((name) => join(build, name));
  const files = [
    ...modulesOf(join(build, 'harness'), false),
    ...[...inTree, ...outside].flatMap((folder) => modulesOf(folder, true)),
  ].sort();
  const flags = [...nodeFlags, ...PACK_NODE];
  const folders = readdirSync(join(build, 'providers')).map((name) =>
    join(build, 'providers', name),
  );
  const providers = [...folders, ...outside].map((folder) => join(folder, 'index.js'));
  const ahead = [join(build, 'harness/agent/agent.js'), ...providers].filter(existsSync);
  const output = cacheDir('packs', `${keyOf(files, flags)}.pack`);
  if (existsSync(output)) {
    await utimes(output, new Date(), new Date());
    return output;
  }
  const plan: PackPlan = { output, files: [...new Set(files)], ahead };
  await runProgram([process.execPath, ...flags, MAKER, JSON.stringify(plan)]);
  await dropOld(cacheDir('packs'), '.pack', PACKS_KEPT);
  return output;
}

function modulesOf(folder: string, isDeep: boolean): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: isDeep })
    .filter((entry) => entry.isFile() && /(?<!\.test)\.js$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

function keyOf(files: readonly string[], flags: readonly string[]): string {
  const hash = createHash('sha256').update(`${process.version}\0${flags.join(' ')}\0`);
  hash.update(readFileSync(MAKER));
  for (const file of files) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest('hex').slice(0, 32);
}
