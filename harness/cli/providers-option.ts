import { basename, resolve } from 'node:path';
import { UsageError } from '../errors.ts';

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

/** For commands that choose no devices. @throws UsageError for a name, which would select nothing */
export function onlyPaths(values: readonly string[]): readonly string[] {
  const { names, paths } = chooseProviders(values);
  const [name] = names;
  if (paths.length === values.length) return paths;
  throw new UsageError(
    `--provider ${name}: give the path of a provider outside the tree, as in ./${name}; ` +
      'those of the suite are always known here.',
  );
}
