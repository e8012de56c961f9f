import type { Provider } from '../../providers/contract.ts';
import type { WireCase } from '../protocol.ts';
import { CommandIndex } from './commands.ts';
import { loadProvider, providerNames, providerOf } from './provider-loader.ts';
import { loadVerbsFor } from './verbs/index.ts';

/**
 * The code that workers run. The agent loads it and workers find it in their memory: they are forks,
 * which cannot load anything.
 */
export class Library {
  readonly providers = new Map<string, Provider>();
  #commands: CommandIndex | undefined;
  #edition = 0;
  #loading: Promise<void> = Promise.resolve();

  /** Grows with what is loaded: a worker of an older edition may lack what a point needs. */
  get edition(): number {
    return this.#edition;
  }

  /** Workers of before know the devices as they were then. */
  renew(): void {
    this.#edition++;
  }

  /** Commands of the selected devices' providers. */
  get commands(): CommandIndex {
    if (this.#commands === undefined) throw new Error('commands are loaded before a point runs');
    return this.#commands;
  }

  /**
   * All providers: devices are looked for with them.
   * @param outside folders of those that are not in the tree
   */
  loadProviders(outside: readonly string[]): void {
    this.#load(async () => {
      const missing = providerNames(outside).filter((name) => !this.providers.has(name));
      const load = async (name: string) => [name, await loadProvider(name, outside)] as const;
      for (const [name, provider] of await Promise.all(missing.map(load))) {
        this.providers.set(name, provider);
      }
      return missing.length > 0;
    });
  }

  /** What points on these devices need, whatever they do there. */
  loadFor(addresses: readonly string[]): void {
    this.#load(async () => {
      const names = new Set(addresses.map(providerOf));
      this.#commands = await CommandIndex.load([...names].map((name) => this.provider(name)));
      return true;
    });
  }

  /** What the steps of a case need besides. */
  loadForCase({ steps }: WireCase): void {
    this.#load(() => loadVerbsFor(steps));
  }

  /** Everything that was asked for is there. @throws the first that went wrong */
  settled(): Promise<void> {
    return this.#loading;
  }

  /** @throws when there is none of this name */
  provider(name: string): Provider {
    const provider = this.providers.get(name);
    if (provider === undefined) throw new Error(`no provider ${name} was loaded`);
    return provider;
  }

  /** One after the other. @param work says whether anything is new */
  #load(work: () => Promise<boolean>): void {
    this.#loading = this.#loading.then(async () => {
      if (await work()) this.#edition++;
    });
    this.#loading.catch(() => {
      // Told to whoever waits for it.
    });
  }
}
