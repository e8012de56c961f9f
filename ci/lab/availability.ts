import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type LabNeeds, labNeeds } from '../../harness/targets/vm.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { glState } from './gl-display.ts';
import { sourcePackage } from './kernel-source.ts';
import { type Kernel, NAMED_KERNELS } from './kernels.ts';
import { modelsFor, modelsOf } from './models.ts';
import { planModules, readModuleIndex } from './modules.ts';
import { cachedQemu, isNewer, machineQemu, wantsNewerQemu } from './qemu.ts';
import { isTooOld } from './tree-module.ts';

/** Whether a kernel has what some devices of a provider need, and if not, how it is had. */
export interface Availability {
  readonly provider: string;
  readonly devices: string;
  readonly kernel: string;
  readonly state: string;
}

/** The providers of this tree under each of the kernels. Asks no network. */
export async function availability(kernels: readonly Kernel[]): Promise<Availability[]> {
  const tree = join(projectRoot(), 'providers');
  const providers = readdirSync(tree).filter((name) => existsSync(join(tree, name, 'lab.json')));
  const rows: Availability[] = [];
  for (const provider of providers.sort()) {
    const needs = labNeeds([provider], []);
    for (const [devices, modules] of deviceGroups(provider, needs)) {
      for (const kernel of kernels) {
        const state = await stateOf(kernel, modules, needs);
        rows.push({ provider, devices, kernel: kernel.name, state });
      }
    }
    for (const devices of needs.glDevices) {
      rows.push({ provider, devices, kernel: 'all', state: glState() });
    }
    for (const devices of Object.values(needs.newerDevices)) {
      rows.push({ provider, devices, ...(await newerState()) });
    }
  }
  return rows;
}

/** Which kernels' machines have a newer QEMU, and whether it is here. */
async function newerState(): Promise<Pick<Availability, 'kernel' | 'state'>> {
  const own = await machineQemu();
  if (isNewer(own)) return { kernel: 'all', state: `yes: QEMU ${own.version}` };
  const kernel = NAMED_KERNELS.flatMap(({ name }) => (wantsNewerQemu(name) ? name : [])).join(', ');
  if (kernel === '') {
    return { kernel: 'none', state: `no: QEMU ${own.version}, see UAPI_CONFORM_QEMU` };
  }
  const cached = await cachedQemu();
  const others = `this machine's QEMU ${own.version} has the plain one`;
  if (cached === undefined) return { kernel, state: `not fetched, a run does; ${others}` };
  return { kernel, state: `yes: QEMU ${cached.version} of the cache; ${others}` };
}

/** Devices with the modules that they come of: as `gives` says, else all of all. */
function deviceGroups(provider: string, needs: LabNeeds): [string, readonly string[]][] {
  const groups = Object.entries(needs.gives);
  if (groups.length === 0) return [[provider, needs.modules]];
  return groups.map(([module, devices]) => [devices, [module]]);
}

async function stateOf(
  kernel: Kernel,
  modules: readonly string[],
  needs: LabNeeds,
): Promise<string> {
  if (kernel.modules === undefined) return 'not known: a kernel without modules';
  const driven = modules.flatMap((module) => modelsOf(module, needs.models));
  const own = await machineQemu();
  if (
    (driven.length > 0 || needs.wantsNewerQemu) &&
    !isNewer(own) &&
    !wantsNewerQemu(kernel.name)
  ) {
    return `no: QEMU ${own.version} is too old, see UAPI_CONFORM_QEMU`;
  }
  const known = modelsFor(kernel, needs.models, needs.modelsSince);
  if (driven.length > 0 && !driven.some((name) => known.includes(name))) {
    return `no: drives its model since Linux ${modules.map((name) => needs.modelsSince[name]).join()}`;
  }
  const { missing } = planModules(await readModuleIndex(kernel.modules), modules);
  if (missing.length === 0) return 'yes';
  return missing.map((name) => wayTo(kernel, name, needs)).join('; ');
}

function wayTo(kernel: Kernel, name: string, needs: LabNeeds): string {
  const module = needs.treeModules.find((item) => item.name === name);
  const source = sourcePackage(kernel);
  const config = module === undefined ? '' : ` (${module.config} is off)`;
  if (module !== undefined && isTooOld(kernel, module)) return `no: new in Linux ${module.since}`;
  if (module !== undefined && source !== undefined) {
    const others = (module.set?.modules.length ?? 1) - 1;
    const more = others === 0 ? '' : `, with ${others} more in place of the kernel's own,`;
    return `yes: no module ${name}${config}, so the lab builds it${more} from ${source.name}`;
  }
  return `no: no module ${name}${config}; boot a kernel that has it, with --kernel and --modules`;
}
