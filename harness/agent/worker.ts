import { readSync, writeSync } from 'node:fs';
import type { Device, Provider } from '../../providers/contract.ts';
import type { KeptDevice } from '../../providers/contract-plug.ts';
import type { DeviceRecord, SkipClass } from '../../reports/results.ts';
import type { CallLog } from '../../uapi/call-log.ts';
import { compatRefusal } from '../../uapi/compat.ts';
import { errnoName } from '../../uapi/errno.ts';
import type { WireCase, WirePoint } from '../protocol.ts';
import { someStep } from '../some-step.ts';
import { ForkServer } from './fork-server.ts';
import type { Library } from './library.ts';
import { startsPeers } from './peer.ts';
import { type PointSupport, runPoint, type WorkerOutcome } from './point.ts';
import { providerOf } from './provider-loader.ts';
import type { StepMarker } from './step-marker.ts';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

/**
 * The process that drives devices and may die of it, a fork of the agent. It does one thing at a time
 * and blocks while it does it: commands come one a line on a socket, answers go back on the same. The
 * agent holds the clock.
 */
export class Worker {
  readonly #library: Library;
  readonly #devices = new Map<string, Device>();
  readonly #cases = new Map<string, KnownCase>();
  readonly #support: Omit<PointSupport, 'forks'>;
  #forks: ForkServer | undefined;

  /** @param library all that points may need is in it: a fork cannot load anything */
  constructor(library: Library, log: CallLog, marker: StepMarker) {
    this.#library = library;
    this.#support = {
      log,
      commands: {
        find: (name: string) => library.commands.find(name),
        struct: (tag: string) => library.commands.struct(tag),
      },
      devices: this.#devices,
      providers: library.providers,
      entering: (step) => marker.mark(step),
    };
  }

  /** Answers the questions that come on the socket, until the agent closes it. */
  serve(channel: number): void {
    const say = (message: FromWorker) => writeSync(channel, `${JSON.stringify(message)}\n`);
    say({ t: 'hello' });
    for (const line of linesFrom(channel)) {
      try {
        say(this.#handle(JSON.parse(line) as ToWorker));
      } catch (error) {
        say({ t: 'failed', error: error instanceof ProviderFault ? error.message : textOf(error) });
      }
    }
  }

  #handle(message: ToWorker): FromWorker {
    switch (message.t) {
      case 'discover':
        return { t: 'devices', devices: this.#discover() };
      case 'probe':
        return { t: 'probed', devices: message.addresses.map((address) => this.#probe(address)) };
      case 'prepare':
        for (const address of message.addresses) this.#device(address);
        return { t: 'ready' };
      case 'case':
        this.#cases.set(message.case.id, askedOnce(message.case));
        return { t: 'ready' };
      case 'point':
        return { t: 'outcome', outcome: this.#run(message.point) };
      case 'remember':
        return { t: 'remembered', kept: this.#remember(message.addresses) };
      case 'put-back':
        return this.#putBack(message.kept);
    }
  }

  /** Looks into sysfs only; no device is opened. */
  #discover(): readonly DeviceRecord[] {
    return [...this.#library.providers].flatMap(([name, provider]) =>
      blaming(name, 'find', () =>
        this.#find(provider).map(({ address, identity, node }) => ({
          address,
          provider: name,
          driver: identity['driver'] ?? provider.driver,
          node,
          capabilities: provider.offers,
          missing: {},
          identity,
        })),
      ),
    );
  }

  #probe(address: string): DeviceRecord {
    const provider = this.#library.provider(providerOf(address));
    const device = this.#device(address);
    if (device === undefined) throw new Error(`${address} is gone`);
    return blaming(provider.name, 'probe', () => probeDevice(provider, device));
  }

  #run(point: WirePoint): WorkerOutcome {
    const known = this.#cases.get(point.case);
    if (known === undefined) throw new Error(`the case ${point.case} was not sent`);
    this.#support.entering('0');
    const gone = Object.values(point.devices).find(
      (address) => this.#device(address) === undefined,
    );
    // The point that lost the device has said so; those after it have nothing to drive.
    if (gone !== undefined) return skipped('no-device', `${gone} is gone`);
    const refusal = entersAs32Bit(known, point) ? compatRefusal() : undefined;
    if (refusal !== undefined) return skipped('no-config', refusal);
    if (known.startsPeers) this.#forks ??= ForkServer.start(this.#support);
    return runPoint(point, known.wireCase, { ...this.#support, forks: this.#forks });
  }

  #remember(addresses: readonly string[]): readonly KeptDevice[] {
    return addresses.flatMap((address) => {
      const device = this.#device(address);
      const { plug } = this.#library.provider(providerOf(address));
      return device === undefined || plug === undefined ? [] : [plug.remember(device)];
    });
  }

  /** Afterwards devices are looked for anew: one that was made again may have another node. */
  #putBack(kept: readonly KeptDevice[]): FromWorker {
    const lost = kept.flatMap((one) => {
      const { plug } = this.#library.provider(providerOf(one.device.address));
      return plug?.putBack(one) ?? [];
    });
    this.#devices.clear();
    const moved = kept.flatMap(({ device: { address, node } }) => {
      const now = this.#device(address)?.node;
      return now === undefined || now === node ? [] : [[address, now] as const];
    });
    return { t: 'as-it-was', lost, moved: Object.fromEntries(moved) };
  }

  #device(address: string): Device | undefined {
    if (!this.#devices.has(address)) this.#find(this.#library.provider(providerOf(address)));
    return this.#devices.get(address);
  }

  #find(provider: Provider): readonly Device[] {
    const devices = provider.find();
    for (const device of devices) this.#devices.set(device.address, device);
    return devices;
  }
}

/** What a provider threw, or what came of the nonsense that it gave: its author is to be told. */
class ProviderFault extends Error {}

function blaming<T>(provider: string, verb: 'find' | 'probe', ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    const text = `the provider '${provider}' failed in ${verb}(): ${textOf(error)}`;
    throw new ProviderFault(text, { cause: error });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function probeDevice(provider: Provider, device: Device): DeviceRecord {
  const probed = provider.probe(device);
  const missing = probed.ok
    ? probed.value.missing
    : Object.fromEntries(
        provider.offers.map((name) => [name, `${probed.call}: ${errnoName(probed.errno)}`]),
      );
  const identity = probed.ok ? { ...device.identity, ...probed.value.identity } : device.identity;
  return {
    address: device.address,
    provider: provider.name,
    driver: device.identity['driver'] ?? provider.driver,
    node: device.node,
    capabilities: provider.offers.filter((name) => !(name in missing)),
    missing,
    identity,
  };
}

function skipped(skipClass: SkipClass, reason: string): WorkerOutcome {
  return { end: { kind: 'skipped', class: skipClass, reason }, steps: 0, callCounts: {} };
}

/** A case, and what of it is asked before each of its points. */
interface KnownCase {
  readonly wireCase: WireCase;
  readonly startsPeers: boolean;
  /** How its calls go into the kernel: `compat`, or the names of parameters that say it. */
  readonly entries: ReadonlySet<string>;
}

function askedOnce(wireCase: WireCase): KnownCase {
  const entries = new Set<string>();
  someStep(wireCase.steps, ({ entry }: { readonly entry?: unknown }) => {
    if (typeof entry === 'string') entries.add(entry.replace(/^\$/, ''));
    return false;
  });
  return { wireCase, startsPeers: startsPeers(wireCase.steps), entries };
}

function entersAs32Bit({ entries }: KnownCase, { parameters }: WirePoint): boolean {
  return [...entries].some((entry) => entry === 'compat' || parameters[entry] === 'compat');
}

/** Ends when nobody holds the other end any more. */
function* linesFrom(channel: number): Generator<string> {
  const chunk = Buffer.alloc(65536);
  let rest = '';
  for (;;) {
    const count = readSync(channel, chunk);
    if (count === 0) return;
    rest += chunk.toString('utf8', 0, count);
    const complete = rest.split('\n');
    rest = complete.pop() ?? '';
    yield* complete;
  }
}
