import { InfraError } from '../../harness/errors.ts';
import type { Say } from './apt.ts';
import { fetchKernelSource } from './kernel-source.ts';
import type { Kernel } from './kernels.ts';
import { buildModule } from './module-build.ts';
import { planModules, readModuleIndex } from './modules.ts';
import { runProgram } from './programs.ts';

/** A module of the kernel's own source, which the distribution may have left out. */
export interface TreeModule {
  /** As the module is loaded: `siw`. */
  readonly name: string;
  /** Where its makefile is: `drivers/infiniband/sw/siw`. */
  readonly folder: string;
  /** The switch that makes it: `CONFIG_RDMA_SIW`. */
  readonly config: string;
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
    const file = await tryBuild(kernel, module, say);
    if (file === undefined) continue;
    names.push(...(await needsOf(file)));
    files.push(file);
  }
  return { names, files };
}

/** depmod(8) has not seen a module that was built here. */
async function needsOf(file: string): Promise<string[]> {
  const text = await runProgram(['modinfo', '-F', 'depends', file]);
  return text
    .trim()
    .split(',')
    .filter((name) => name !== '');
}

async function tryBuild(kernel: Kernel, module: TreeModule, say: Say): Promise<string | undefined> {
  try {
    const directory = await fetchKernelSource(kernel, module.folder, say);
    const variables = { [module.config]: 'm' };
    return await buildModule(kernel, { directory, name: module.name, variables }, say);
  } catch (error) {
    if (!(error instanceof InfraError)) throw error;
    say(`no ${module.name} (${module.config}), and so no devices of it: ${error.message}`);
    return undefined;
  }
}
