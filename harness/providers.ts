import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CAPABILITIES, CONTRACT_VERSION, type Provider } from '../providers/contract.ts';
import { hint } from './cases/problems.ts';
import { UsageError } from './errors.ts';
import { factsOf, keptFacts, type ProviderFacts } from './provider-facts.ts';

/**
 * The facts of the providers of this tree and of those of other folders, sorted by name. Importing a
 * provider has no side effects, so this opens no device.
 *
 * @param extraPaths folders that are named like their provider and hold its index.js
 * @throws UsageError when a folder holds no provider that this suite can use
 */
export async function loadProviders(
  extraPaths: readonly string[],
): Promise<readonly ProviderFacts[]> {
  const own = keptFacts() ?? (await loadOwnProviders()).map(factsOf);
  const paths = extraPaths.map((path) => resolve(path));
  const others = await Promise.all(paths.map(loadProvider));
  const seen = new Map(own.map(({ name }) => [name, join(OWN_FOLDER, name)]));
  for (const [index, { name }] of others.entries()) {
    const path = paths[index] ?? '';
    const other = seen.get(name);
    if (other !== undefined) {
      throw new UsageError(`${path}: the provider '${name}' is in ${other} too; rename this one`);
    }
    seen.set(name, path);
  }
  return [...own, ...others.map(factsOf)].sort((a, b) => (a.name < b.name ? -1 : 1));
}

const OWN_FOLDER = fileURLToPath(new URL('../providers', import.meta.url));

/** The providers of this tree with their verbs. */
export function loadOwnProviders(): Promise<readonly Provider[]> {
  const paths = readdirSync(OWN_FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(OWN_FOLDER, entry.name, 'index.js')))
    .map((entry) => join(OWN_FOLDER, entry.name));
  return Promise.all(paths.map(loadProvider));
}

async function loadProvider(path: string): Promise<Provider> {
  const file = join(path, 'index.js');
  if (!existsSync(path)) throw new UsageError(`${path}: there is no such provider folder`);
  if (!existsSync(file)) {
    const mend = existsSync(join(path, 'index.ts'))
      ? 'there is an index.ts: compile it, and give the folder with the result'
      : 'give the folder that holds the index.js of a provider';
    throw new UsageError(`${path}: it holds no index.js; ${mend}`);
  }
  const module: { readonly provider?: unknown } = await imported(file);
  return checked(module.provider, file, basename(path));
}

async function imported(file: string): Promise<{ readonly provider?: unknown }> {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${file}: cannot be loaded: ${why}`);
  }
}

/** The version comes first: what else a provider has, its contract says. */
function checked(provider: unknown, file: string, folder: string): Provider {
  if (typeof provider !== 'object' || provider === null) {
    const mend = `write: export const provider: Provider = { … }, as ${CONTRACT} says`;
    throw new UsageError(`${file}: it exports no 'provider'; ${mend}`);
  }
  const contract = 'contract' in provider ? provider.contract : 'none';
  if (contract !== CONTRACT_VERSION) {
    throw new UsageError(
      `${file}: it was written for contract version ${String(contract)}, this suite has version ` +
        `${CONTRACT_VERSION}; take the provider, or the suite, of the same version`,
    );
  }
  const missing = MEMBERS.filter((name) => !Object.hasOwn(provider, name));
  if (missing.length > 0) {
    throw new UsageError(
      `${file}: the provider lacks ${missing.join(', ')}; ${CONTRACT} says what they are`,
    );
  }
  return checkedContent(provider as Provider, file, folder);
}

const CONTRACT = 'providers/contract.ts';

const MEMBERS: readonly (keyof Provider)[] = [
  'name',
  'title',
  'driver',
  'offers',
  'headers',
  'find',
  'probe',
  'open',
  'adopt',
];

function checkedContent(provider: Provider, file: string, folder: string): Provider {
  if (provider.name !== folder) {
    const mend = 'a provider is named like its folder; rename one of them';
    throw new UsageError(`${file}: the provider '${provider.name}' is in '${folder}'; ${mend}`);
  }
  for (const name of provider.offers) {
    if (Object.hasOwn(CAPABILITIES, name)) continue;
    const known = hint(name, Object.keys(CAPABILITIES));
    throw new UsageError(`${file}: it offers '${name}', which is no capability; ${known}`);
  }
  return provider;
}
