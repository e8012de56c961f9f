import { existsSync } from 'node:fs';
import type { Provider } from '../../providers/contract.ts';
import type { Command, HeaderDescription } from '../../uapi/description.ts';
import type { Problem } from './problems.ts';

/** Headers of the dma-buf core: their commands are for descriptors and not for sessions. */
const CORE = ['linux/dma-buf', 'linux/sync-file'];

/** The generated descriptions by name (`drm/vgem-drm`). */
export type Headers = ReadonlyMap<string, HeaderDescription>;

/** Loads what ioctl steps may name: the headers of all providers, and those of the dma-buf core. */
export async function loadHeaders(
  providers: readonly Provider[],
  problems: Problem[],
): Promise<Headers> {
  const wanted = new Map<string, string>(CORE.map((name) => [name, 'the dma-buf core']));
  for (const { name, headers } of providers) {
    for (const header of headers) wanted.set(header, `provider ${name}`);
  }
  const loaded = await Promise.all(
    [...wanted].map(async ([name, owner]) => {
      const url = new URL(`../../uapi/headers/${name}.js`, import.meta.url);
      if (existsSync(url)) return [[name, await describedBy(url)] as const];
      problems.push({ file: owner, text: `names the header '${name}', which uapi/headers lacks` });
      return [];
    }),
  );
  return new Map(loaded.flat());
}

async function describedBy(url: URL): Promise<HeaderDescription> {
  const module: { readonly description: HeaderDescription } = await import(url.href);
  return module.description;
}

/** Who answers an ioctl: a provider's session or, with a descriptor of its own, the dma-buf core. */
export interface Answerer {
  readonly who: string;
  readonly headers: readonly HeaderDescription[];
}

/** @param elsewhere the step names a descriptor, which may be a dma-buf or a sync_file */
export function answerers(
  providers: readonly Provider[],
  headers: Headers,
  elsewhere: boolean,
): readonly Answerer[] {
  const known = (names: readonly string[]) =>
    names.flatMap((name) => {
      const header = headers.get(name);
      return header === undefined ? [] : [header];
    });
  const core = elsewhere ? known(CORE) : [];
  const ofProviders = providers.map(({ name, headers }) => {
    return { who: name, headers: [...core, ...known(headers)] };
  });
  return elsewhere && ofProviders.length === 0
    ? [{ who: 'the dma-buf core', headers: core }]
    : ofProviders;
}

export function commandOf(answerer: Answerer, name: string): Command | undefined {
  for (const { commands } of answerer.headers) {
    if (Object.hasOwn(commands, name)) return commands[name];
  }
  return undefined;
}
