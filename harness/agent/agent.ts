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
import { Scheduler } from './scheduler.ts';
import { kernelFacts } from './watch/kernel-facts.ts';
import { KernelWatch } from './watch/kernel-watch.ts';
import type { ToWorker } from './worker-protocol.ts';
import { WorkerSupply } from './worker-supply.ts';

/** The target half: answers the host, supervises workers, watches the kernel. Drives no device. */
export class Agent {
  readonly #say: (message: AgentMessage) => void;
  readonly #watch = new KernelWatch();
  readonly #cases = new Map<string, WireCase>();
  readonly #lanes = new Map<string, Lane>();
  /** Devices whose worker is stuck in the kernel, with the point that did it. */
  readonly #quarantined = new Map<string, string>();
  #workers = new WorkerSupply([]);
  #isolate = false;
  /** No point runs before what is there already is known. */
  #watching: Promise<void> = Promise.resolve();
  #scheduler = new Scheduler(1);
  /** Discovery and probes run in a worker too; it becomes the first lane's. */
  #scout: Lane | undefined;

  /** @param say sends a message; it has left the target when the call returns */
  constructor(say: (message: AgentMessage) => void) {
    this.#say = say;
  }

  async handle(message: HostMessage): Promise<void> {
    switch (message.t) {
      case 'hello':
        return this.#hello(message);
      case 'discover':
        return this.#ask({ t: 'discover' });
      case 'probe':
        return this.#probe(message.addresses);
      case 'case':
        this.#cases.set(message.case.id, message.case);
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

  async close(): Promise<void> {
    this.#scheduler.cancel();
    const lanes = [...this.#lanes.values(), ...(this.#scout === undefined ? [] : [this.#scout])];
    await Promise.all([...lanes.map((lane) => lane.close()), this.#workers.close()]);
  }

  #hello(message: Extract<HostMessage, { t: 'hello' }>): void {
    this.#workers = new WorkerSupply(message.providers);
    this.#isolate = message.isolate;
    this.#scheduler = new Scheduler(message.jobs > 0 ? message.jobs : availableParallelism());
    const privileged = process.getuid?.() === 0;
    this.#say({ t: 'hello', protocol: PROTOCOL_VERSION, kernel: kernelFacts(), privileged });
    if (message.protocol !== PROTOCOL_VERSION) return;
    this.#scout = this.#newLane();
    this.#scout.warm();
  }

  async #probe(addresses: readonly string[]): Promise<void> {
    const [first] = addresses;
    await this.#ask({ t: 'probe', addresses });
    if (first !== undefined && this.#scout !== undefined) {
      this.#lanes.set(first, this.#scout);
      this.#scout = undefined;
    }
  }

  /** A question that a worker answers; whatever goes wrong there ends the conversation. */
  async #ask(message: Extract<ToWorker, { t: 'discover' | 'probe' }>): Promise<void> {
    const lane = this.#scout ?? this.#newLane();
    this.#scout = lane;
    try {
      const answer = await lane.warm().request(message);
      if (answer.t === 'devices') return this.#say(answer);
      if (answer.t === 'probed') {
        this.#say(answer);
        this.#watching = this.#startWatch(answer.devices);
        return;
      }
      const error = answer.t === 'failed' ? answer.error : `unexpected answer ${answer.t}`;
      this.#say({ t: 'fatal', kind: 'usage', message: `${message.t}: ${error}` });
    } catch (error) {
      const output = lane.warm().output;
      const text = `${message.t}: the worker died: ${String(error)} ${output}`;
      this.#say({ t: 'fatal', kind: 'infra', message: text });
    }
  }

  /** What cannot be watched here belongs into the journal, so it is said once points may come. */
  async #startWatch(devices: readonly DeviceRecord[]): Promise<void> {
    for (const text of await this.#watch.start(devices)) this.#say({ t: 'note', text });
  }

  #newLane(): Lane {
    return new Lane(this.#workers, this.#isolate, () => this.#watch.activity());
  }

  #lane(address: string): Lane {
    const known = this.#lanes.get(address);
    if (known !== undefined) return known;
    const lane = this.#newLane();
    this.#lanes.set(address, lane);
    return lane;
  }

  #startPoints(): void {
    for (let point = this.#scheduler.next(); point !== undefined; point = this.#scheduler.next()) {
      void this.#run(point);
    }
  }

  async #run(point: WirePoint): Promise<void> {
    await this.#prepare(point);
    this.#watch.begin(point);
    this.#say({ t: 'started', id: point.id, at: new Date().toISOString() });
    const { stuck, ...result } = await this.#outcome(point);
    const { expectLog = [] } = this.#cases.get(point.case) ?? {};
    const kernel = await this.#watch.end(point, { isStuck: stuck, expectLog });
    const stuckNote = stuck ? ['a worker that cannot be killed'] : [];
    const leftBehind = [...(result.leftBehind ?? []), ...stuckNote, ...kernel.leftBehind];
    this.#scheduler.finish(point);
    this.#say({ t: 'outcome', outcome: { ...result, ...kernel, id: point.id, leftBehind } });
    this.#startPoints();
  }

  /** Has the lane's worker ready; one that cannot start ends the conversation, not a point. */
  async #prepare(point: WirePoint): Promise<void> {
    try {
      await this.#watching;
      await this.#lane(laneOf(point)).ready(Object.values(point.devices));
    } catch (error) {
      const message = `a worker cannot be started: ${String(error)}`;
      this.#say({ t: 'fatal', kind: 'infra', message });
    }
  }

  async #outcome(point: WirePoint): Promise<LaneResult> {
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
    const result = await this.#lane(laneOf(point)).run(point, wireCase);
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

/** The device whose worker runs the point: that of the first role. */
function laneOf(point: WirePoint): string {
  return Object.values(point.devices)[0] ?? '';
}
