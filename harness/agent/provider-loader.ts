import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Provider } from '../../providers/contract.ts';
import { projectRoot } from '../../uapi/project-root.ts';

/** A provider as the target half loads it: the host checked its contract before it sent a point. */
export async function loadProvider(name: string, extraPaths: readonly string[]): Promise<Provider> {
  const outside = extraPaths.find((path) => basename(path) === name);
  const folder = outside ?? join(projectRoot(), 'build/providers', name);
  const module = (await import(pathToFileURL(join(folder, 'index.js')).href)) as {
    provider: Provider;
  };
  return module.provider;
}

/** Names of all providers that are there: the tree's, then those given by path. */
export function providerNames(extraPaths: readonly string[]): readonly string[] {
  const inTree = readdirSync(join(projectRoot(), 'build/providers'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return [...inTree, ...extraPaths.map((path) => basename(path))];
}

/** The name of the provider that found a device. */
export function providerOf(address: string): string {
  return address.split('@', 1)[0] ?? '';
}
