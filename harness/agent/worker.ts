import { readSync, writeSync } from 'node:fs';
import type { Device, Provider } from '../../providers/contract.ts';
import type { DeviceRecord } from '../../reports/results.ts';
import type { CallLog } from '../../uapi/call-log.ts';
import { createCallLogFile } from '../../uapi/call-log-file.ts';
import { errnoName } from '../../uapi/errno.ts';
import { memfdCreate } from '../../uapi/sys-memory.ts';
import { dieWithParent } from '../../uapi/sys-parent.ts';
import type { WireCase, WirePoint } from '../protocol.ts';
import { CommandIndex } from './commands.ts';
import { ForkServer } from './fork-server.ts';
import { startsPeers } from './peer.ts';
import { type PointSupport, runPoint, type WorkerOutcome } from './point.ts';
import { loadProvider, providerNames } from './provider-loader.ts';
import { StepMarker } from './step-marker.ts';
import { loadRdmaVerbs, loadVerbsFor } from './verbs/index.ts';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

/**
 * The process that drives devices and may die of it. It does one thing at a time and blocks while
 * it does it: commands come one a line on descriptor 3, answers go back on the same. The agent
 * holds the clock.
 */

const CHANNEL = 3;

class Worker {
  readonly #devices = new Map<string, Device>();
  readonly #providers = new Map<string, Provider>();
  readonly #cases = new Map<string, WireCase>();
  readonly #support: Omit<PointSupport, 'forks'>;
  /** Forked when all that a case needs was loaded; of use until more is. */
  #forks: ForkServer | undefined;
  readonly #providerPaths: readonly string[];
  #commands: CommandIndex | undefined;

  constructor(log: CallLog, marker: StepMarker, providerPaths: readonly string[]) {
    this.#providerPaths = providerPaths;
    this.#support = {
      log,
      commands: {
        find: (name: string) => this.#commandIndex().find(name),
        struct: (tag: string) => this.#commandIndex().struct(tag),
      },
      devices: this.#devices,
      providers: this.#providers,
      entering: (step) => marker.mark(step),
    };
  }

  async handle(message: ToWorker): Promise<FromWorker> {
    switch (message.t) {
      case 'discover':
        return { t: 'devices', devices: await this.#discover() };
      case 'probe':
        return { t: 'probed', devices: await this.#probe(message.addresses) };
      case 'prepare':
        await this.#prepare(message.addresses);
        return { t: 'ready' };
      case 'case':
        await loadVerbsFor(message.case.steps);
        this.#cases.set(message.case.id, message.case);
        this.#dropForks();
        return { t: 'ready' };
      case 'point':
        return { t: 'outcome', outcome: await this.#run(message.point) };
    }
  }

  /** Looks into sysfs only; no device is opened. */
  async #discover(): Promise<readonly DeviceRecord[]> {
    const records: DeviceRecord[] = [];
    for (const name of providerNames(this.#providerPaths)) {
      const provider = await this.#provider(name);
      for (const device of this.#find(provider)) {
        records.push({
          address: device.address,
          provider: name,
          driver: device.identity['driver'] ?? provider.driver,
          node: device.node,
          capabilities: provider.offers,
          missing: {},
          identity: device.identity,
        });
      }
    }
    return records;
  }

  async #probe(addresses: readonly string[]): Promise<readonly DeviceRecord[]> {
    const records: DeviceRecord[] = [];
    for (const address of addresses) {
      const provider = await this.#provider(providerOf(address));
      const device = await this.#device(address);
      const probed = provider.probe(device);
      const missing = probed.ok
        ? probed.value.missing
        : Object.fromEntries(
            provider.offers.map((name) => [name, `${probed.call}: ${errnoName(probed.errno)}`]),
          );
      const identity = probed.ok
        ? { ...device.identity, ...probed.value.identity }
        : device.identity;
      records.push({
        address,
        provider: provider.name,
        driver: device.identity['driver'] ?? provider.driver,
        node: device.node,
        capabilities: provider.offers.filter((name) => !(name in missing)),
        missing,
        identity,
      });
    }
    return records;
  }

  async #run(point: WirePoint) {
    const wireCase = this.#cases.get(point.case);
    if (wireCase === undefined) throw new Error(`the case ${point.case} was not sent`);
    this.#support.entering('0');
    const addresses = Object.values(point.devices);
    for (const address of addresses) {
      if (!(await this.#isThere(address))) return goneDevice(address);
    }
    await this.#prepare(addresses);
    if (startsPeers(wireCase.steps)) this.#forks ??= ForkServer.start(this.#support);
    return runPoint(point, wireCase, { ...this.#support, forks: this.#forks });
  }

  #dropForks(): void {
    this.#forks?.close();
    this.#forks = undefined;
  }

  async #prepare(addresses: readonly string[]): Promise<void> {
    for (const address of addresses) {
      const { node } = await this.#device(address);
      if (node.startsWith('/dev/infiniband/')) await loadRdmaVerbs();
    }
    this.#commands ??= await CommandIndex.load([...this.#providers.values()]);
  }

  async #isThere(address: string): Promise<boolean> {
    if (this.#devices.has(address)) return true;
    this.#find(await this.#provider(providerOf(address)));
    return this.#devices.has(address);
  }

  async #device(address: string): Promise<Device> {
    const known = this.#devices.get(address);
    if (known !== undefined) return known;
    const found = this.#find(await this.#provider(providerOf(address)));
    const device = found.find((candidate) => candidate.address === address);
    if (device === undefined) throw new Error(`${address} is gone`);
    return device;
  }

  #find(provider: Provider): readonly Device[] {
    const devices = provider.find();
    for (const device of devices) this.#devices.set(device.address, device);
    return devices;
  }

  async #provider(name: string): Promise<Provider> {
    const known = this.#providers.get(name);
    if (known !== undefined) return known;
    const provider = await loadProvider(name, this.#providerPaths);
    this.#providers.set(name, provider);
    this.#commands = undefined;
    this.#dropForks();
    return provider;
  }

  #commandIndex(): CommandIndex {
    if (this.#commands === undefined) throw new Error('commands are loaded before a point runs');
    return this.#commands;
  }
}

/** The point that lost the device has said so; those after it have nothing to drive. */
function goneDevice(address: string): WorkerOutcome {
  const end = { kind: 'skipped', class: 'no-device', reason: `${address} is gone` } as const;
  return { end, steps: 0, callCounts: {} };
}

function providerOf(address: string): string {
  return address.split('@', 1)[0] ?? '';
}

function say(message: FromWorker): void {
  writeSync(CHANNEL, `${JSON.stringify(message)}\n`);
}

/** Lines from the channel; ends when the agent closes it. */
function* lines(): Generator<string> {
  const chunk = Buffer.alloc(65536);
  let rest = '';
  for (;;) {
    const count = readSync(CHANNEL, chunk);
    if (count === 0) return;
    rest += chunk.toString('utf8', 0, count);
    const complete = rest.split('\n');
    rest = complete.pop() ?? '';
    yield* complete;
  }
}

async function main(): Promise<void> {
  const [agent, ...providerPaths] = process.argv.slice(2);
  dieWithParent(Number(agent));
  // A file without a name, which the agent opens through /proc and reads when this process is dead.
  const logFd = memfdCreate('uapi-conform-call-log');
  const log = createCallLogFile(`/proc/self/fd/${logFd}`);
  const marker = new StepMarker();
  const worker = new Worker(log, marker, providerPaths);
  say({ t: 'hello', logFd, stepFd: marker.fd });
  for (const line of lines()) {
    try {
      say(await worker.handle(JSON.parse(line) as ToWorker));
    } catch (error) {
      say({
        t: 'failed',
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  }
}

await main();
