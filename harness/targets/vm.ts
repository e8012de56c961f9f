import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { projectRoot } from '../../uapi/project-root.ts';
import { UsageError } from '../errors.ts';
import type { Target } from '../target.ts';

export interface VmRequest {
  readonly kernel?: string;
  readonly bzImage?: string;
  readonly modules?: string;
  /** Where the console's text is kept. */
  readonly outputDir: string;
  /** Names of the providers whose devices the machine gets; empty for all. */
  readonly providers: readonly string[];
  /** Provider folders outside the tree. */
  readonly providerPaths: readonly string[];
  readonly say: (line: string) => void;
}

/** What a provider needs of a machine: its `lab.json`. */
export interface LabNeeds {
  /** Kernel modules to load. */
  readonly modules: readonly string[];
  /** Values of QEMU's -device. */
  readonly devices: readonly string[];
  /** Shell commands for the guest, once the modules are loaded. */
  readonly setup: readonly string[];
}

/** A virtual machine that has what the wanted providers need. The lab is loaded only here. */
export async function openVm(request: VmRequest): Promise<Target> {
  // biome-ignore lint/style/noRestrictedImports: this is the dynamic import that the rule speaks of
  const { createVmTarget } = await import('../../ci/lab/target.ts');
  const { kernel, bzImage, modules, outputDir, say } = request;
  const needs = labNeeds(request.providers, request.providerPaths);
  return await createVmTarget({
    outputDir,
    say,
    modulesToLoad: needs.modules,
    qemuDevices: needs.devices,
    setup: needs.setup,
    ...(kernel !== undefined && { kernel }),
    ...(bzImage !== undefined && { bzImage }),
    ...(modules !== undefined && { modules }),
  });
}

/** The needs of all wanted providers together. @throws UsageError for a wrong lab.json */
export function labNeeds(names: readonly string[], paths: readonly string[]): LabNeeds {
  const tree = join(projectRoot(), 'providers');
  const inTree = readdirSync(tree).map((name) => join(tree, name));
  const isWanted = (folder: string) => names.length === 0 || names.includes(basename(folder));
  const all = [...inTree, ...paths].filter(isWanted).map(readNeeds);
  const union = (key: keyof LabNeeds) => [...new Set(all.flatMap((needs) => needs[key]))];
  return { modules: union('modules'), devices: union('devices'), setup: union('setup') };
}

function readNeeds(folder: string): LabNeeds {
  const path = join(folder, 'lab.json');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '{}';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const list = (key: keyof LabNeeds) => listOf(value, key, path);
  return { modules: list('modules'), devices: list('devices'), setup: list('setup') };
}

function listOf(value: unknown, key: keyof LabNeeds, path: string): readonly string[] {
  const list: unknown =
    typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  if (list === undefined) return [];
  if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list;
  throw new UsageError(`${path}: '${key}' must be a list of strings.`);
}
