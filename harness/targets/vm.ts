import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { projectRoot } from '../../uapi/project-root.ts';
import { UsageError } from '../errors.ts';
import type { Target } from '../target.ts';

export interface VmRequest {
  readonly kernel?: string;
  readonly bzImage?: string;
  readonly modules?: string;
  /** Run the agent as an ordinary user. */
  readonly unprivileged: boolean;
  /** Where the console's text is kept. */
  readonly outputDir: string;
  /** Names of the providers whose devices the machine gets; empty for all. */
  readonly providers: readonly string[];
  /** Provider folders outside the tree. */
  readonly providerPaths: readonly string[];
  readonly stop: AbortSignal;
  readonly say: (line: string) => void;
}

/** What a provider needs of a machine: its `lab.json`. */
export interface LabNeeds {
  /** Kernel modules to load; `name?` where the kernel has it. */
  readonly modules: readonly string[];
  /** Values of QEMU's -device. */
  readonly devices: readonly string[];
  /** The same, for devices that render with the host's GL. */
  readonly glDevices: readonly string[];
  /** What to ask for in place of a device where QEMU is new enough (11.0). */
  readonly newerDevices: Readonly<Record<string, string>>;
  /** The same of devices that belong to the board, an IOMMU: these come before all others. */
  readonly boardDevices: readonly string[];
  /**
   * Device models, by their names in ci/models, and the module that drives each: a process each, where
   * QEMU is new enough (11.0). Without them the module is not wanted.
   */
  readonly models: Readonly<Record<string, string>>;
  /** The first kernel whose module can drive its model: on older ones neither is wanted. */
  readonly modelsSince: Readonly<Record<string, string>>;
  /** `"qemu": "newer"`: an older one has no device at all for it. */
  readonly wantsNewerQemu: boolean;
  /** Words of the kernel's command line. */
  readonly kernelArguments: readonly string[];
  /** Shell commands for the guest, once the modules are loaded. */
  readonly setup: readonly string[];
  /** Modules of its own, as sources. */
  readonly builds: readonly ModuleBuild[];
  /** Modules of the kernel's own source, which a distribution may have left out. */
  readonly treeModules: readonly TreeModule[];
  /** For people: which devices come of which module. */
  readonly gives: Readonly<Record<string, string>>;
}

/** `"build": {"source": "module", "name": "uapi_faults"}`; the source is a folder beside lab.json. */
interface ModuleBuild {
  readonly directory: string;
  readonly name: string;
}

/**
 * `"tree": [{"name": "siw", "folder": "drivers/infiniband/sw/siw", "config": "CONFIG_RDMA_SIW"}]`; a
 * `kbuild` is a folder beside lab.json.
 */
interface TreeModule {
  readonly name: string;
  readonly folder: string;
  readonly config: string;
  readonly since?: string;
  readonly set?: ModuleSet;
  readonly kbuild?: string;
}

/** Modules that are built together, in place of the kernel's own: see ci/lab/tree-module.ts. */
interface ModuleSet {
  readonly modules: readonly string[];
  readonly sources: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
}

/** A virtual machine that has what the wanted providers need. The lab is loaded only here. */
export async function openVm(request: VmRequest): Promise<Target> {
  // biome-ignore lint/style/noRestrictedImports: this is the dynamic import that the rule speaks of
  const { createVmTarget } = await import('../../ci/lab/target.ts');
  const { kernel, bzImage, modules, unprivileged, outputDir, stop, say } = request;
  const needs = labNeeds(request.providers, request.providerPaths);
  return await createVmTarget({
    outputDir,
    unprivileged,
    stop,
    say,
    visible: request.providerPaths,
    providerPaths: request.providerPaths,
    modulesToLoad: needs.modules,
    qemuDevices: needs.devices,
    glDevices: needs.glDevices,
    newerDevices: needs.newerDevices,
    boardDevices: needs.boardDevices,
    models: needs.models,
    modelsSince: needs.modelsSince,
    kernelArguments: needs.kernelArguments,
    setup: needs.setup,
    modulesToBuild: needs.builds,
    treeModules: needs.treeModules,
    ...(kernel !== undefined && { kernel }),
    ...(bzImage !== undefined && { bzImage }),
    ...(modules !== undefined && { modules }),
  });
}

/** The needs of all wanted providers together. @throws UsageError for a wrong lab.json */
export function labNeeds(names: readonly string[], paths: readonly string[]): LabNeeds {
  const tree = join(projectRoot(), 'providers');
  const inTree = readdirSync(tree).map((name) => join(tree, name));
  const wanted = withOthers(names, tree);
  const isWanted = (folder: string) => names.length === 0 || wanted.includes(basename(folder));
  const all = [...inTree, ...paths.map(dataFolder)].filter(isWanted).map(readNeeds);
  const union = (key: ListKey) => [...new Set(all.flatMap((needs) => needs[key]))];
  return {
    modules: union('modules'),
    devices: union('devices'),
    glDevices: union('glDevices'),
    boardDevices: union('boardDevices'),
    kernelArguments: union('kernelArguments'),
    setup: union('setup'),
    builds: all.flatMap(({ builds }) => builds),
    treeModules: all.flatMap(({ treeModules }) => treeModules),
    newerDevices: Object.assign({}, ...all.map(({ newerDevices }) => newerDevices)),
    models: Object.assign({}, ...all.map(({ models }) => models)),
    modelsSince: Object.assign({}, ...all.map(({ modelsSince }) => modelsSince)),
    wantsNewerQemu: all.some(({ wantsNewerQemu }) => wantsNewerQemu),
    gives: Object.assign({}, ...all.map(({ gives }) => gives)),
  };
}

/** `"with": ["iommufd"]`: a provider that needs what another one needs, too, and so on. */
function withOthers(names: readonly string[], tree: string): readonly string[] {
  return names.flatMap((name) => {
    const path = join(tree, name, 'lab.json');
    return [name, ...withOthers(listOf(readJson(path), 'with', path), tree)];
  });
}

type TextsKey = 'newerDevices' | 'models' | 'modelsSince' | 'gives';
type ListKey = Exclude<keyof LabNeeds, 'builds' | 'treeModules' | 'wantsNewerQemu' | TextsKey>;

/** Where a provider's data is: of one that was compiled here, beside its source. */
function dataFolder(path: string): string {
  const inBuild = relative(join(projectRoot(), 'build'), resolve(path));
  return inBuild.startsWith('..') ? path : join(projectRoot(), inBuild);
}

function readNeeds(folder: string): LabNeeds {
  const path = join(folder, 'lab.json');
  const value = readJson(path);
  const list = (key: ListKey) => listOf(value, key, path);
  const texts = (key: TextsKey) => textsOf(value, key, path);
  return {
    modules: list('modules'),
    devices: list('devices'),
    glDevices: list('glDevices'),
    boardDevices: list('boardDevices'),
    kernelArguments: list('kernelArguments'),
    setup: list('setup'),
    builds: buildsOf(value, folder, path),
    treeModules: treeModulesOf(value, folder, path),
    newerDevices: texts('newerDevices'),
    models: texts('models'),
    modelsSince: texts('modelsSince'),
    wantsNewerQemu: memberOf(value, 'qemu') === 'newer',
    gives: texts('gives'),
  };
}

function readJson(path: string): unknown {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '{}';
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function buildsOf(value: unknown, folder: string, path: string): readonly ModuleBuild[] {
  const build = memberOf(value, 'build');
  if (build === undefined) return [];
  const source = memberOf(build, 'source');
  const name = memberOf(build, 'name');
  if (typeof source === 'string' && typeof name === 'string') {
    return [{ directory: join(folder, source), name }];
  }
  throw new UsageError(`${path}: 'build' must have a 'source' and a 'name', both strings.`);
}

function treeModulesOf(value: unknown, beside: string, path: string): readonly TreeModule[] {
  const list = memberOf(value, 'tree') ?? [];
  const wrong = new UsageError(
    `${path}: 'tree' must be a list of {name, folder, config}, all of them strings.`,
  );
  if (!Array.isArray(list)) throw wrong;
  return list.map((item: unknown) => {
    const [name, folder, config] = ['name', 'folder', 'config'].map((key) => memberOf(item, key));
    if (typeof name !== 'string' || typeof folder !== 'string') throw wrong;
    if (typeof config !== 'string') throw wrong;
    const set = memberOf(item, 'set');
    const since = memberOf(item, 'since');
    const kbuild = memberOf(item, 'kbuild');
    return {
      name,
      folder,
      config,
      ...(typeof since === 'string' && { since }),
      ...(set !== undefined && { set: moduleSetOf(set, path) }),
      ...(typeof kbuild === 'string' && { kbuild: join(beside, kbuild) }),
    };
  });
}

function moduleSetOf(value: unknown, path: string): ModuleSet {
  return {
    modules: listOf(value, 'modules', path),
    sources: listOf(value, 'sources', path),
    settings: textsOf(value, 'settings', path),
  };
}

/** An object whose values are texts: `gives` names the devices of each module. */
function textsOf(value: unknown, key: string, path: string): Readonly<Record<string, string>> {
  const entries = Object.entries(memberOf(value, key) ?? {});
  return Object.fromEntries(
    entries.map(([name, text]: [string, unknown]) => {
      if (typeof text === 'string') return [name, text];
      throw new UsageError(`${path}: '${key}' must have a string for each name.`);
    }),
  );
}

function listOf(value: unknown, key: string, path: string): readonly string[] {
  const list = memberOf(value, key);
  if (list === undefined) return [];
  if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list;
  throw new UsageError(`${path}: '${key}' must be a list of strings.`);
}
