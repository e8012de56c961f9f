import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Provider } from '../../providers/contract.ts';
import type { AnyStruct, Command, HeaderDescription } from '../../uapi/description.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { CaseDefect } from './values.ts';

/** Headers whose commands every dma-buf and sync_file descriptor answers. */
const CORE_HEADERS = ['linux/dma-buf', 'linux/sync-file'];

/** Commands by the name that cases use, from the generated descriptions. */
export class CommandIndex {
  readonly #descriptions: readonly HeaderDescription[];

  private constructor(descriptions: readonly HeaderDescription[]) {
    this.#descriptions = descriptions;
  }

  static async load(providers: readonly Provider[]): Promise<CommandIndex> {
    const headers = new Set([
      ...providers.flatMap((provider) => provider.headers),
      ...CORE_HEADERS,
    ]);
    return new CommandIndex(await Promise.all([...headers].map(loadDescription)));
  }

  lookUp(name: string): Command | undefined {
    for (const { commands } of this.#descriptions) {
      const command = commands[name];
      if (command !== undefined) return command;
    }
    return undefined;
  }

  find(name: string): Command {
    const command = this.lookUp(name);
    if (command !== undefined) return command;
    throw new CaseDefect(`no header of the point's providers has the command ${name}`);
  }

  struct(tag: string): AnyStruct {
    for (const { structs } of this.#descriptions) {
      const struct = structs[tag];
      if (struct !== undefined) return struct;
    }
    throw new CaseDefect(`no header of the point's providers has the struct ${tag}`);
  }
}

async function loadDescription(header: string): Promise<HeaderDescription> {
  const file = join(projectRoot(), 'build/uapi/headers', `${header}.js`);
  const module = (await import(pathToFileURL(file).href)) as { description: HeaderDescription };
  return module.description;
}
