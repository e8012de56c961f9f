import { existsSync } from 'node:fs';
import type { AnyStruct, Command, HeaderDescription } from '../../uapi/description.ts';
import type { ProviderFacts } from '../provider-facts.ts';
import { Constants } from './constants.ts';
import type { Problem } from './problems.ts';

/** Headers of the dma-buf core: their commands are for descriptors and not for sessions. */
const CORE = ['linux/dma-buf', 'linux/sync-file'];

/** Who answers an ioctl: a provider's session or, with a descriptor of its own, the dma-buf core. */
export interface Answerer {
  readonly who: string;
  readonly headers: readonly HeaderDescription[];
}

/** All who may have to answer a step, and the constants that it may name. */
export interface Answerers {
  readonly all: readonly Answerer[];
  readonly constants: Constants;
  /** By tag. */
  readonly structs: ReadonlyMap<string, AnyStruct>;
}

/** The generated descriptions of what ioctl steps may name. */
export class Headers {
  readonly #byName: ReadonlyMap<string, HeaderDescription>;
  readonly #answerers = new Map<string, Answerers>();

  private constructor(byName: ReadonlyMap<string, HeaderDescription>) {
    this.#byName = byName;
  }

  /** Loads the headers of all providers and those of the dma-buf core. */
  static async load(providers: readonly ProviderFacts[], problems: Problem[]): Promise<Headers> {
    const wanted = new Map<string, string>(CORE.map((name) => [name, 'the dma-buf core']));
    for (const { name, headers } of providers) {
      for (const header of headers) wanted.set(header, `provider ${name}`);
    }
    const loaded = await Promise.all(
      [...wanted].map(async ([name, owner]) => {
        const url = new URL(`../../uapi/headers/${name}.js`, import.meta.url);
        if (existsSync(url)) return [[name, await describedBy(url)] as const];
        problems.push({
          file: owner,
          text: `names the header '${name}', which uapi/headers lacks`,
        });
        return [];
      }),
    );
    return new Headers(new Map(loaded.flat()));
  }

  /** @param elsewhere the step names a descriptor, which may be a dma-buf or a sync_file */
  answerers(providers: readonly ProviderFacts[], elsewhere: boolean): Answerers {
    const key = `${elsewhere} ${providers.map(({ name }) => name).join()}`;
    const known = this.#answerers.get(key);
    if (known !== undefined) return known;
    const core = elsewhere ? this.#named(CORE) : [];
    const ofProviders = providers.map(({ name, headers }) => {
      return { who: name, headers: [...core, ...this.#named(headers)] };
    });
    const all =
      elsewhere && ofProviders.length === 0
        ? [{ who: 'the dma-buf core', headers: core }]
        : ofProviders;
    const descriptions = all.flatMap(({ headers }) => headers);
    const structs = new Map(descriptions.flatMap((one) => Object.entries(one.structs)));
    const answerers = { all, constants: new Constants(descriptions), structs };
    this.#answerers.set(key, answerers);
    return answerers;
  }

  #named(names: readonly string[]): HeaderDescription[] {
    return names.flatMap((name) => this.#byName.get(name) ?? []);
  }
}

async function describedBy(url: URL): Promise<HeaderDescription> {
  const module: { readonly description: HeaderDescription } = await import(url.href);
  return module.description;
}

export function commandOf(answerer: Answerer, name: string): Command | undefined {
  for (const { commands } of answerer.headers) {
    if (Object.hasOwn(commands, name)) return commands[name];
  }
  return undefined;
}
