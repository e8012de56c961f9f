import { readFileSync, realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { DeviceRecord } from '../../../reports/results.ts';
import { KeptFile } from './kept-file.ts';
import { isLab } from './lab.ts';
import { lookAgain } from './patience.ts';

/** What is known of the module behind a device. */
interface Watched {
  readonly name: string;
  /** Of its directory in sysfs: another one when the module was loaded anew. */
  inode: number | undefined;
  /** Its state, which can be read for as long as the module stays. */
  state: KeptFile | undefined;
  /** Source: kernel/module/main.c, show_refcnt(); without CONFIG_MODULE_UNLOAD there is no count. */
  counter: KeptFile | undefined;
  references: number;
  /** References changed hands while points ran side by side: the next look only takes notice. */
  isUnsure: boolean;
}

/** What a point did to the modules of its devices. */
export interface ModuleNews {
  readonly signs: readonly string[];
  readonly leaks: readonly string[];
}

/**
 * Watches the kernel modules that drive the selected devices: that they stay, and that nothing keeps a
 * reference. References are only judged in the lab's guest: elsewhere any process that opens a node of
 * the driver holds one. A driver that is built in has neither.
 */
export class ModuleWatch {
  readonly #modules = new Map<string, Watched>();
  /** Device address to module name. */
  readonly #drivers = new Map<string, string>();

  start(records: readonly DeviceRecord[]): void {
    for (const record of records) {
      const name = moduleOf(record);
      if (name === undefined) continue;
      this.#drivers.set(record.address, name);
      this.#modules.set(name, { name, ...opened(name), isUnsure: false });
    }
  }

  /** @param isAlone false when other points ran meanwhile, which may hold references */
  async news(addresses: readonly string[], isAlone: boolean): Promise<ModuleNews> {
    const names = new Set(addresses.map((address) => this.#drivers.get(address)));
    const signs: string[] = [];
    const leaks: string[] = [];
    for (const name of names) {
      const watched = name === undefined ? undefined : this.#modules.get(name);
      if (watched === undefined) continue;
      const sign = stateSign(watched);
      if (sign !== undefined) signs.push(sign);
      else if (isLab()) leaks.push(...(await keptReferences(watched, isAlone)));
    }
    return { signs, leaks };
  }
}

/** A module that went is watched on as soon as it is there again. */
function stateSign(watched: Watched): string | undefined {
  if (watched.state?.text() === 'live') return undefined;
  const inode = inodeOf(watched.name);
  const before = watched.inode;
  const state = textOf(watched.name, 'initstate');
  if (inode !== before) {
    watched.state?.[Symbol.dispose]();
    watched.counter?.[Symbol.dispose]();
    Object.assign(watched, opened(watched.name), { isUnsure: true });
    if (before === undefined) return undefined;
    if (inode === undefined) return `the module ${watched.name} is gone`;
    return `the module ${watched.name} was unloaded and loaded again`;
  }
  if (inode === undefined || state === undefined || state === 'live') return undefined;
  return `the module ${watched.name} is not live any more: ${state}`;
}

async function keptReferences(watched: Watched, isAlone: boolean): Promise<readonly string[]> {
  const { name, references: before } = watched;
  if (!isAlone || watched.isUnsure) {
    watched.isUnsure = !isAlone;
    watched.references = count(watched.counter);
    return [];
  }
  const after = await lookAgain(
    async () => count(watched.counter),
    (now) => now <= before,
  );
  watched.references = after;
  if (after <= before) return [];
  return [`references to the module ${name}: ${before} before, ${after} after`];
}

/** The module that the device's driver is in; undefined for one that is built in. */
function moduleOf({ node, driver }: Pick<DeviceRecord, 'node' | 'driver'>): string | undefined {
  const byDevice = linkedModule(node);
  const byName = driver.replaceAll('-', '_');
  return [byDevice, byName].find(
    (name) => name !== undefined && textOf(name, 'initstate') !== undefined,
  );
}

/** Through the node's device in sysfs. Devices without a bus device behind them have no such link. */
function linkedModule(node: string): string | undefined {
  try {
    const number = statSync(node).rdev;
    const name = `${Math.floor(number / 256) & 0xfff}:${(number & 0xff) | ((number >> 12) & 0xfff00)}`;
    return basename(realpathSync(`/sys/dev/char/${name}/device/driver/module`));
  } catch {
    return undefined;
  }
}

function inodeOf(module: string): number | undefined {
  return statSync(`/sys/module/${module}`, { throwIfNoEntry: false })?.ino;
}

/** The module as it is now, with what of it is read after each point. */
function opened(module: string): Omit<Watched, 'name' | 'isUnsure'> {
  const state = KeptFile.open(`/sys/module/${module}/initstate`);
  const counter = KeptFile.open(`/sys/module/${module}/refcnt`);
  return { inode: inodeOf(module), state, counter, references: count(counter) };
}

function count(file: KeptFile | undefined): number {
  return Number(file?.text() ?? 0);
}

function textOf(module: string, attribute: string): string | undefined {
  try {
    return readFileSync(`/sys/module/${module}/${attribute}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
