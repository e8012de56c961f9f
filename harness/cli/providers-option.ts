import { basename, resolve } from 'node:path';

/** What `--provider` says: names select, paths load and select. */
export interface ProviderChoice {
  /** Empty where every provider is welcome. */
  readonly names: readonly string[];
  /** Folders outside the tree, absolute. */
  readonly paths: readonly string[];
}

/** A provider outside the tree is known by the name of its folder. */
export function chooseProviders(values: readonly string[]): ProviderChoice {
  const isPath = (value: string) => value.includes('/') || value.startsWith('.');
  const paths = values.filter(isPath).map((value) => resolve(value));
  const names = values.filter((value) => !isPath(value));
  return { names: [...names, ...paths.map((path) => basename(path))], paths };
}
