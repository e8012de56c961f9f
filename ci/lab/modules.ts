import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InfraError } from '../../harness/errors.ts';

/** What is known of a kernel's modules: depmod(8)'s index, read once. */
export interface ModuleIndex {
  /** Module name to its file, relative to the modules' directory. */
  readonly files: ReadonlyMap<string, string>;
  /** File to the files that it needs, those that must be loaded last standing first. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
  readonly builtin: ReadonlySet<string>;
}

/** Modules to load, in an order that satisfies dependencies, and the names that do not exist. */
export interface ModulePlan {
  readonly files: readonly string[];
  readonly missing: readonly string[];
}

/** @throws InfraError when depmod(8) was not run on the directory */
export async function readModuleIndex(modulesDir: string): Promise<ModuleIndex> {
  const dep = join(modulesDir, 'modules.dep');
  if (!existsSync(dep)) {
    throw new InfraError(
      `${dep} is missing: run depmod(8) on that tree (make modules_install does)`,
    );
  }
  const optional = async (name: string): Promise<string> => {
    const file = join(modulesDir, name);
    return existsSync(file) ? await readFile(file, 'utf8') : '';
  };
  return parseModuleIndex(
    await readFile(dep, 'utf8'),
    await optional('modules.builtin'),
    await optional('modules.builtin.modinfo'),
  );
}

/**
 * modules.builtin lists what could have been a module; what can only be built in (udmabuf) shows
 * in modules.builtin.modinfo, strings `name.key=value` that end in NUL.
 */
export function parseModuleIndex(
  depText: string,
  builtinText: string,
  modinfoText = '',
): ModuleIndex {
  const files = new Map<string, string>();
  const needs = new Map<string, readonly string[]>();
  for (const line of depText.split('\n')) {
    const [file, rest] = line.split(':');
    if (file === undefined || rest === undefined) continue;
    files.set(moduleName(file), file);
    needs.set(
      file,
      rest.split(' ').filter((need) => need !== ''),
    );
  }
  const builtin = builtinText.split('\n').filter((line) => line !== '');
  const named = [...modinfoText.matchAll(/(?:^|\0)([^.=\0]+)\./g)].map(([, name = '']) => name);
  return { files, needs, builtin: new Set([...builtin, ...named].map(moduleName)) };
}

/** Of a file, or of a wish that may end with `?`. The kernel takes `-` and `_` for the same. */
export function moduleName(wanted: string): string {
  const base = wanted.slice(wanted.lastIndexOf('/') + 1);
  return base.replace(/(\.ko(\.[a-z0-9]+)?|\?)$/, '').replaceAll('-', '_');
}

/**
 * modules.dep lists all needs of a file, direct or not, in the reverse of the loading order.
 * @param names with `?` at the end nobody misses a module that the kernel lacks
 */
export function planModules(index: ModuleIndex, names: readonly string[]): ModulePlan {
  const files = new Set<string>();
  const missing: string[] = [];
  for (const wanted of names) {
    const name = moduleName(wanted);
    if (index.builtin.has(name)) continue;
    const file = index.files.get(name);
    if (file === undefined) {
      if (!wanted.endsWith('?')) missing.push(name);
      continue;
    }
    for (const need of [...(index.needs.get(file) ?? [])].reverse()) files.add(need);
    files.add(file);
  }
  return { files: [...files], missing };
}
