import { availableParallelism } from 'node:os';
import type { DeviceRecord } from '../../reports/results.ts';
import {
  type AgentMessage,
  type HostMessage,
  PROTOCOL_VERSION,
  type WireCase,
  type WirePoint,
} from '../protocol.ts';
import { Lane, type LaneResult } from './lane.ts';
import { Library } from './library.ts';
import { Scheduler } from './scheduler.ts';
import { Scout, ScoutFailed } from './scout.ts';
import { kernelFacts } from './watch/kernel-facts.ts';
import { KernelWatch } from './watch/kernel-watch.ts';

/** The target half: answers the host, supervises workers, watches the kernel. Drives no device. */
export class Agent {
  readonly #say: (message: AgentMessage) => void;
  readonly #watch = new KernelWatch();
  readonly #cases = new Map<string, WireCase>();
  readonly #lanes: Lane[] = [];
  /** Of these, those without a point; the last was used last. */
  readonly #idle: Lane[] = [];
  /** Devices whose worker is stuck in the kernel, with the point that did it. */
  readonly #quarantined = new Map<string, string>();
  readonly #library = new Library();
  #isolate = false;
  /** No point runs before what is there already is known. */
  #watching: Promise<void> = Promise.resolve();
  #scheduler = new Scheduler(1);
  readonly #scout = new Scout(this.#library);
  #closing: Promise<void> | undefined;

  /** @param say sends a message; it has left the target when the call returns */
  constructor(say: (message: AgentMessage) => void) {
    this.#say = say;
  }

  async handle(message: HostMessage): Promise<void> {
    switch (message.t) {
      case 'hello':
        return this.#hello(message);
      case 'discover':
        return this.#discover();
      case 'probe':
        return this.#probe(message.addresses);
      case 'case':
        this.#cases.set(message.case.id, message.case);
        this.#library.loadForCase(message.case);
        return;
      case 'point':
        this.#scheduler.add(message.point);
        return this.#startPoints();
      case 'cancel':
        for (const point of this.#scheduler.cancel()) this.#cancelled(point);
        return;
      case 'rest':
        for (const text of this.#watch.atRest()) this.#say({ t: 'note', text });
        return this.#say({ t: 'rested' });
      case 'bye':
        return this.close();
    }
  }

  /** Whoever asks again waits for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#scheduler.cancel();
    const lanes = this.#lanes.map((lane) => lane.close());
    await Promise.all([...lanes, this.#scout.close()]);
  }

  #hello(message: Extract<HostMessage, { t: 'hello' }>): void {
    this.#isolate = message.isolate;
    this.#scheduler = new Scheduler(message.jobs > 0 ? message.jobs : availableParallelism());
    const privileged = process.getuid?.() === 0;
    this.#say({ t: 'hello', protocol: PROTOCOL_VERSION, kernel: kernelFacts(), privileged });
    // What is loaded now is there when it is asked for.
    if (message.protocol === PROTOCOL_VERSION) this.#library.loadProviders(message.providers);
  }

  async #discover(): Promise<void> {
    await this.#scouted('discover', async () => {
      this.#say({ t: 'devices', devices: await this.#scout.discover() });
    });
  }

  async #probe(addresses: readonly string[]): Promise<void> {
    await this.#scouted('probe', async () => {
      const devices = await this.#scout.probe(addresses, {
        say: (text) => this.#say({ t: 'note', text }),
        meanwhile: () => this.#library.loadFor(addresses),
      });
      this.#watching = this.#startWatch(devices);
      this.#say({ t: 'probed', devices });
    });
  }

  /** Whatever goes wrong ends the conversation. */
  async #scouted(question: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const kind = error instanceof ScoutFailed ? error.kind : 'usage';
      const message = `${question}: ${error instanceof Error ? error.message : String(error)}`;
      this.#say({ t: 'fatal', kind, message });
    }
    await this.#scout.end();
  }

  /** What cannot be watched here belongs into the journal, so it is said once points may come. */
  async #startWatch(devices: readonly DeviceRecord[]): Promise<void> {
    for (const text of await this.#watch.start(devices)) this.#say({ t: 'note', text });
  }

  /**
   * A lane for a point: one whose worker knows the devices, else the one that worked last. Workers are
   * not for one device each, since what an engine has learned and compiled is good for every device.
   */
  #takeLane(addresses: readonly string[]): Lane {
    const knowing = this.#idle.findLastIndex((lane) => lane.knows(addresses));
    // -1, where none does, is the last.
    const [lane = this.#newLane()] = this.#idle.splice(knowing, 1);
    return lane;
  }

  #newLane(): Lane {
    const lane = new Lane(this.#library, this.#isolate, () => this.#watch.activity());
    this.#lanes.push(lane);
    return lane;
  }

  #startPoints(): void {
    for (let point = this.#scheduler.next(); point !== undefined; point = this.#scheduler.next()) {
      void this.#run(point);
    }
  }

  async #run(point: WirePoint): Promise<void> {
    const lane = this.#takeLane(Object.values(point.devices));
    await this.#prepare(lane, point);
    if (this.#closing !== undefined) return;
    const { expectLog = [] } = this.#cases.get(point.case) ?? {};
    this.#watch.begin(point, expectLog);
    const at = new Date().toISOString();
    this.#say({ t: 'started', id: point.id, at, lane: this.#lanes.indexOf(lane) });
    const { stuck, moved = {}, ...result } = await this.#outcome(lane, point);
    const { view, notes } = await this.#watch.end(point, { isStuck: stuck, moved });
    const stuckNote = stuck ? ['a worker that cannot be killed'] : [];
    const leftBehind = [...(result.leftBehind ?? []), ...stuckNote, ...view.leftBehind];
    this.#scheduler.finish(point);
    this.#idle.push(lane);
    for (const text of notes) this.#say({ t: 'note', text });
    this.#say({ t: 'outcome', outcome: { ...result, ...view, id: point.id, leftBehind } });
    this.#startPoints();
  }

  /** Has the lane's worker ready; one that cannot start ends the conversation, not a point. */
  async #prepare(lane: Lane, point: WirePoint): Promise<void> {
    try {
      await this.#watching;
      await lane.ready(Object.values(point.devices));
    } catch (error) {
      const message = `a worker cannot be started: ${String(error)}`;
      this.#say({ t: 'fatal', kind: 'infra', message });
    }
  }

  async #outcome(lane: Lane, point: WirePoint): Promise<LaneResult> {
    const wireCase = this.#cases.get(point.case);
    const nothing = { steps: 0, callCounts: {}, stuck: false };
    if (wireCase === undefined) {
      return { ...nothing, end: { kind: 'defect', error: `the case ${point.case} was not sent` } };
    }
    if (wireCase.expectLog.length > 0 && !this.#watch.isLogReadable) {
      const reason = 'the case expects lines of the kernel log, which cannot be read here';
      return { ...nothing, end: { kind: 'skipped', class: 'no-privilege', reason } };
    }
    const addresses = Object.values(point.devices);
    const culprit = addresses.map((address) => this.#quarantined.get(address)).find(Boolean);
    if (culprit !== undefined) {
      const reason = `the device hangs since ${culprit}`;
      return { ...nothing, end: { kind: 'skipped', class: 'depends-on-failed', reason } };
    }
    const result = await lane.run(point, wireCase);
    if (result.stuck) for (const address of addresses) this.#quarantined.set(address, point.id);
    return result;
  }

  #cancelled(point: WirePoint): void {
    const { taint } = this.#watch;
    const outcome = {
      id: point.id,
      end: { kind: 'cancelled' } as const,
      durationMs: 0,
      steps: 0,
      kernelLog: [],
      taintBefore: taint,
      taintAfter: taint,
    };
    this.#say({ t: 'outcome', outcome });
  }
}
