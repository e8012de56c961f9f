import { InfraError } from '../../harness/errors.ts';
import type { Say } from './apt.ts';
import { compareVersions } from './debian-version.ts';
import { fetchKernelSource, fetchKernelSources } from './kernel-source.ts';
import type { Kernel } from './kernels.ts';
import { buildModules, type ModuleSource } from './module-build.ts';
import { moduleName, planModules, readModuleIndex } from './modules.ts';
import { runProgram } from './programs.ts';

/** A module of the kernel's own source, which the distribution may have left out. */
export interface TreeModule {
  /** As the module is loaded: `siw`. */
  readonly name: string;
  /** Where its makefile is: `drivers/infiniband/sw/siw`. */
  readonly folder: string;
  /** The switch that makes it: `CONFIG_RDMA_SIW`. */
  readonly config: string;
  /** The first Linux that has it in its source: `6.2`. */
  readonly since?: string;
  /** Where it cannot be built without others. */
  readonly set?: ModuleSet;
  /**
   * A directory with a Kbuild, and what else it takes, where the kernel's makefile makes no module of it:
   * put over the source, in which `folder` keeps its place.
   */
  readonly kbuild?: string;
}

/** Modules that share structs, so that those of the distribution do not fit the one it left out. */
export interface ModuleSet {
  /** All of them, in the order of loading; they take the place of the kernel's own. */
  readonly modules: readonly string[];
  /** Folders with makefiles, and files that these need, in their places: `drivers/vfio`. */
  readonly sources: readonly string[];
  /** For make(1), and switches for the compiler too: `{CONFIG_VFIO_DEVICE_CDEV: 'y'}`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** How a kernel comes by a module. */
export type ModuleState = 'own' | 'to-build' | 'missing';

/** Whether the kernel has the module, or the lab can build it. Asks no network. */
export async function moduleState(kernel: Kernel, name: string): Promise<ModuleState> {
  // Without an index nothing is known of what is built in.
  if (kernel.modules === undefined) return 'own';
  const { missing } = planModules(await readModuleIndex(kernel.modules), [name]);
  if (missing.length === 0) return 'own';
  return kernel.package === undefined ? 'missing' : 'to-build';
}

/** What is to be loaded. */
export interface TreeModules {
  /** Of the kernel's own: these modules, and what those that were built need. */
  readonly names: readonly string[];
  /** Paths of those that were built, to be loaded after them. */
  readonly files: readonly string[];
  /** The kernel's own that must not be loaded, since those that were built are in their place. */
  readonly replaced: readonly string[];
}

/**
 * The kernel's own modules where it has them, else those built from its source. One that cannot be
 * had costs its devices and not the run: the reason is said.
 */
export async function provideTreeModules(
  kernel: Kernel,
  modules: readonly TreeModule[],
  say: Say,
): Promise<TreeModules> {
  const names: string[] = [];
  const files: string[] = [];
  for (const module of modules) {
    if ((await moduleState(kernel, module.name)) === 'own') {
      names.push(module.name);
      continue;
    }
    const built = await tryBuild(kernel, module, say);
    for (const file of built) names.push(...(await needsOf(file)));
    files.push(...built);
  }
  const replaced = files.map(moduleName);
  return { names: names.filter((name) => !replaced.includes(moduleName(name))), files, replaced };
}

/** depmod(8) has not seen a module that was built here. */
async function needsOf(file: string): Promise<string[]> {
  const text = await runProgram(['modinfo', '-F', 'depends', file]);
  return text
    .trim()
    .split(',')
    .filter((name) => name !== '');
}

/** Whether the kernel's source does not have the module yet. */
export function isTooOld(kernel: Kernel, module: TreeModule): boolean {
  return module.since !== undefined && compareVersions(kernel.release, module.since) < 0;
}

async function tryBuild(kernel: Kernel, module: TreeModule, say: Say): Promise<readonly string[]> {
  if (isTooOld(kernel, module)) return [];
  try {
    const source = await sourceOf(kernel, module, say);
    return await buildModules(kernel, source, say);
  } catch (error) {
    if (!(error instanceof InfraError)) throw error;
    say(`no ${module.name} (${module.config}), and so no devices of it: ${error.message}`);
    return [];
  }
}

async function sourceOf(kernel: Kernel, module: TreeModule, say: Say): Promise<ModuleSource> {
  const { name, folder, config, set, kbuild } = module;
  if (kbuild !== undefined) {
    const directory = await fetchKernelSources(kernel, [folder], say);
    return { directory, over: kbuild, name, variables: { [config]: 'm' } };
  }
  if (set === undefined) {
    const directory = await fetchKernelSource(kernel, folder, say);
    return { directory, name, variables: { [config]: 'm' } };
  }
  const directory = await fetchKernelSources(kernel, [folder, ...set.sources], say);
  return { directory, name, modules: set.modules, variables: { [config]: 'm', ...set.settings } };
}
