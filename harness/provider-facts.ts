import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Provider } from '../providers/contract.ts';
import { codeHash } from './compiled-code.ts';

/**
 * What is to be known of a provider where nothing is driven: who can play in a case, which devices are
 * its own. The verbs are hundreds of modules that take longer to load than all else a command does, so
 * the build keeps the facts. They count only while all code that they may come from is the same.
 */
export type ProviderFacts = Pick<
  Provider,
  'name' | 'title' | 'driver' | 'family' | 'offers' | 'headers'
>;

interface KeptFacts {
  readonly key: string;
  readonly providers: readonly ProviderFacts[];
}

const KEPT = new URL('provider-facts.gen.json', import.meta.url);

export function factsOf(provider: ProviderFacts): ProviderFacts {
  const { name, title, driver, family, offers, headers } = provider;
  return { name, title, driver, ...(family && { family }), offers, headers };
}

/** The facts of the providers of this tree; undefined where the build did not keep them as they are. */
export function keptFacts(): readonly ProviderFacts[] | undefined {
  if (!existsSync(KEPT)) return undefined;
  const kept = JSON.parse(readFileSync(KEPT, 'utf8')) as KeptFacts;
  return kept.key === keyOfCode() ? kept.providers : undefined;
}

/** Part of the build. */
export function keepFacts(providers: readonly Provider[]): void {
  const kept: KeptFacts = { key: keyOfCode(), providers: providers.map(factsOf) };
  const path = fileURLToPath(KEPT);
  writeFileSync(`${path}.new`, JSON.stringify(kept));
  renameSync(`${path}.new`, path);
}

/** The providers with all that they may import, and the code that loads and checks them. */
function keyOfCode(): string {
  return codeHash([
    { url: new URL('.', import.meta.url), isDeep: false },
    { url: new URL('../providers', import.meta.url), isDeep: true },
    { url: new URL('../uapi', import.meta.url), isDeep: true },
  ]);
}
