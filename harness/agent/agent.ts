import { availableParallelism } from 'node:os';
import type { KernelLine } from '../../reports/results.ts';
import {
  type AgentMessage,
  type HostMessage,
  PROTOCOL_VERSION,
  type WireCase,
  type WirePoint,
} from '../protocol.ts';
import { Lane, type LaneResult } from './lane.ts';
import { Scheduler } from './scheduler.ts';
import { kernelFacts, taint } from './watch/kernel-facts.ts';
import { KernelLog } from './watch/kernel-log.ts';
import type { ToWorker } from './worker-protocol.ts';

/** What a running point has seen of the kernel so far. */
interface Watch {
  readonly taintBefore: number;
  readonly startedNs: bigint;
  readonly lines: KernelLine[];
  /** Points that ran meanwhile, by id: what the kernel said may have been theirs. */
  readonly beside: Set<string>;
}

/** The target half: answers the host, supervises workers, watches the kernel. Drives no device. */
export class Agent {
  readonly #say: (message: AgentMessage) => void;
  readonly #kernelLog = KernelLog.open();
  readonly #cases = new Map<string, WireCase>();
  readonly #lanes = new Map<string, Lane>();
  readonly #watches = new Map<WirePoint, Watch>();
  /** Devices whose worker is stuck in the kernel, with the point that did it. */
  readonly #quarantined = new Map<string, string>();
  #providerPaths: readonly string[] = [];
  #isolate = false;
  /** The kernel's taint when it was last looked at. */
  #taint = 0;
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
      case 'bye':
        return this.close();
    }
  }

  async close(): Promise<void> {
    this.#scheduler.cancel();
    const lanes = [...this.#lanes.values(), ...(this.#scout === undefined ? [] : [this.#scout])];
    await Promise.all(lanes.map((lane) => lane.close()));
  }

  #hello(message: Extract<HostMessage, { t: 'hello' }>): void {
    this.#providerPaths = message.providers;
    this.#isolate = message.isolate;
    this.#scheduler = new Scheduler(message.jobs > 0 ? message.jobs : availableParallelism());
    const privileged = process.getuid?.() === 0;
    this.#say({ t: 'hello', protocol: PROTOCOL_VERSION, kernel: kernelFacts(), privileged });
    if (message.protocol !== PROTOCOL_VERSION) return;
    this.#scout = new Lane(this.#providerPaths, this.#isolate);
    this.#scout.warm();
    if (!this.#kernelLog.isReadable) {
      const text = 'the kernel log cannot be read here: run as root, or see kernel.dmesg_restrict';
      this.#say({ t: 'note', text });
    }
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
    const lane = this.#scout ?? new Lane(this.#providerPaths, this.#isolate);
    this.#scout = lane;
    try {
      const answer = await lane.warm().request(message);
      if (answer.t === 'devices' || answer.t === 'probed') return this.#say(answer);
      const error = answer.t === 'failed' ? answer.error : `unexpected answer ${answer.t}`;
      this.#say({ t: 'fatal', kind: 'usage', message: `${message.t}: ${error}` });
    } catch (error) {
      const output = lane.warm().output;
      const text = `${message.t}: the worker died: ${String(error)} ${output}`;
      this.#say({ t: 'fatal', kind: 'infra', message: text });
    }
  }

  #lane(address: string): Lane {
    const known = this.#lanes.get(address);
    if (known !== undefined) return known;
    const lane = new Lane(this.#providerPaths, this.#isolate);
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
    this.#readKernelLog();
    const beside = new Set<string>();
    for (const [other, watch] of this.#watches) {
      beside.add(other.id);
      watch.beside.add(point.id);
    }
    const startedNs = process.hrtime.bigint();
    this.#watches.set(point, { taintBefore: this.#taint, startedNs, lines: [], beside });
    this.#say({ t: 'started', id: point.id, at: new Date().toISOString() });
    const result = await this.#outcome(point);
    this.#report(point, result);
    this.#scheduler.finish(point);
    this.#startPoints();
  }

  /** Has the lane's worker ready; one that cannot start ends the conversation, not a point. */
  async #prepare(point: WirePoint): Promise<void> {
    try {
      await this.#lane(laneOf(point)).ready(Object.values(point.devices));
    } catch (error) {
      this.#say({
        t: 'fatal',
        kind: 'infra',
        message: `a worker cannot be started: ${String(error)}`,
      });
    }
  }

  async #outcome(point: WirePoint): Promise<LaneResult> {
    const wireCase = this.#cases.get(point.case);
    const nothing = { steps: 0, callCounts: {}, stuck: false };
    if (wireCase === undefined) {
      return { ...nothing, end: { kind: 'defect', error: `the case ${point.case} was not sent` } };
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

  #report(point: WirePoint, { stuck, ...result }: LaneResult): void {
    this.#readKernelLog();
    const watch = this.#watches.get(point);
    this.#watches.delete(point);
    const startedNs = watch?.startedNs ?? process.hrtime.bigint();
    const stuckNote = stuck ? ['a worker that cannot be killed'] : [];
    const leftBehind = [...(result.leftBehind ?? []), ...stuckNote];
    const outcome = {
      ...result,
      id: point.id,
      durationMs: Number(process.hrtime.bigint() - startedNs) / 1e6,
      kernelLog: watch?.lines ?? [],
      taintBefore: watch?.taintBefore ?? this.#taint,
      taintAfter: this.#taint,
      beside: [...(watch?.beside ?? [])],
    };
    this.#say({
      t: 'outcome',
      outcome: leftBehind.length === 0 ? outcome : { ...outcome, leftBehind },
    });
  }

  /** New lines and taint belong to every point that runs: nobody can tell which of them it was. */
  #readKernelLog(): void {
    this.#taint = taint();
    const lines = this.#kernelLog.drain();
    if (lines.length === 0) return;
    for (const watch of this.#watches.values()) watch.lines.push(...lines);
  }

  #cancelled(point: WirePoint): void {
    const outcome = {
      id: point.id,
      end: { kind: 'cancelled' } as const,
      durationMs: 0,
      steps: 0,
      kernelLog: [],
      taintBefore: this.#taint,
      taintAfter: this.#taint,
    };
    this.#say({ t: 'outcome', outcome });
  }
}

/** The device whose worker runs the point: that of the first role. */
function laneOf(point: WirePoint): string {
  return Object.values(point.devices)[0] ?? '';
}
