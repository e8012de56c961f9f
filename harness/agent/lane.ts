import type { KeptDevice } from '../../providers/contract-plug.ts';
import type { PointEnd, WireCase, WirePoint } from '../protocol.ts';
import type { Library } from './library.ts';
import { Expired, within, withinActivity } from './limits.ts';
import type { WorkerOutcome } from './point.ts';
import { whereabouts } from './watch/kernel-facts.ts';
import { logBlockedTasks } from './watch/log-writer.ts';
import { isEnding } from './watch/processes.ts';
import { WorkerDied, WorkerProcess } from './worker-process.ts';
import type { FromWorker, MovedNodes } from './worker-protocol.ts';

/** A killed worker is gone within this time, or it is stuck in the kernel. */
const KILL_LIMIT_MS = 10_000;
/** Devices are back within this time, or nobody waits for them when the agent is to end. */
const PUT_BACK_LIMIT_MS = 30_000;
/** A worker starts within this time, also where everything is emulated. */
const START_LIMIT_MS = 120_000;

/** So many looks must agree that the worker is dying and does not get to its end: about a second. */
const ENDING_LOOKS = 4;

/** What became of a point, and whether its devices can be used again. */
export interface LaneResult extends WorkerOutcome {
  /** The worker cannot be killed: its thread is in the kernel for good. */
  readonly stuck: boolean;
  /** Devices that were put back and have another node since. */
  readonly moved?: MovedNodes;
}

type PutBack = Extract<FromWorker, { readonly t: 'as-it-was' }>;

/** A worker, kept warm from point to point and replaced after anything that is not clean. */
export class Lane {
  readonly #library: Library;
  readonly #isolate: boolean;
  readonly #kernelActivity: () => number;
  #worker: WorkerProcess | undefined;
  /** The worker that is at a point. */
  #driving: WorkerProcess | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #runningLimitMs = KILL_LIMIT_MS;
  #isClosed = false;
  /** Cases that the worker knows, and devices that it is ready for. */
  #known = new Set<string>();
  #prepared = new Set<string>();

  /** @param kernelActivity changes whenever the kernel logs something */
  constructor(library: Library, isolate: boolean, kernelActivity: () => number) {
    this.#library = library;
    this.#isolate = isolate;
    this.#kernelActivity = kernelActivity;
  }

  /**
   * The lane's worker, which has all that was loaded so far.
   * @throws when it cannot be had
   */
  async worker(): Promise<WorkerProcess> {
    await this.#library.settled();
    const worker = this.#worker;
    if (worker?.isAlive === true && worker.edition === this.#library.edition) return worker;
    await this.#dismiss();
    this.#known = new Set();
    this.#prepared = new Set();
    this.#worker = await within(START_LIMIT_MS, WorkerProcess.start(this.#library));
    return this.#worker;
  }

  /** Whether its worker has driven these devices. */
  knows(addresses: readonly string[]): boolean {
    return addresses.every((address) => this.#prepared.has(address));
  }

  /**
   * Has a worker that is ready to drive these devices: what that takes is no point's time.
   * @throws when it cannot be had
   */
  async ready(addresses: readonly string[]): Promise<void> {
    const worker = await this.worker();
    if (this.knows(addresses)) return;
    await within(START_LIMIT_MS, worker.request({ t: 'prepare', addresses }));
    for (const address of addresses) this.#prepared.add(address);
  }

  run(point: WirePoint, wireCase: WireCase): Promise<LaneResult> {
    const disturbs = wireCase.disturbs === true;
    const result = disturbs ? this.#disturb(point, wireCase) : this.#drive(point, wireCase);
    this.#running = result;
    this.#runningLimitMs = disturbs ? PUT_BACK_LIMIT_MS : KILL_LIMIT_MS;
    return result;
  }

  /**
   * Ends the lane for good. A point that runs loses its worker, and puts back what it took away before
   * anything else ends.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#driving?.kill();
    await within(this.#runningLimitMs, this.#running).catch(() => {});
    await this.#dismiss();
  }

  /** A point that takes devices away leaves them as it found them, whatever became of its worker. */
  async #disturb(point: WirePoint, wireCase: WireCase): Promise<LaneResult> {
    const kept = await this.#remember(Object.values(point.devices));
    const result = await this.#drive(point, wireCase);
    const { lost, moved } = await this.#putBack(kept);
    if (lost.length === 0) return { ...result, moved };
    return { ...result, moved, leftBehind: [...(result.leftBehind ?? []), ...lost] };
  }

  async #remember(addresses: readonly string[]): Promise<readonly KeptDevice[]> {
    const worker = await this.worker();
    const request = { t: 'remember', addresses: [...new Set(addresses)] } as const;
    const answer = await within(START_LIMIT_MS, worker.request(request));
    return answer.t === 'remembered' ? answer.kept : [];
  }

  async #putBack(kept: readonly KeptDevice[]): Promise<Omit<PutBack, 't'>> {
    const without = (why: string) => ({ lost: [why], moved: {} });
    try {
      const worker = await this.worker();
      const answer = await within(START_LIMIT_MS, worker.request({ t: 'put-back', kept }));
      if (answer.t !== 'as-it-was') return without(answer.t === 'failed' ? answer.error : answer.t);
      if (Object.keys(answer.moved).length > 0) this.#library.renew();
      return answer;
    } catch (error) {
      return without(`devices could not be put back: ${String(error)}`);
    }
  }

  async #drive(point: WirePoint, wireCase: WireCase): Promise<LaneResult> {
    const worker = await this.worker();
    let endingLooks = 0;
    const looks = {
      activity: () => `${worker.activity()} ${this.#kernelActivity()}`,
      check() {
        endingLooks = isEnding(worker.pid) ? endingLooks + 1 : 0;
        if (endingLooks === ENDING_LOOKS) throw new WorkerDied('killed by the kernel');
      },
    };
    this.#driving = worker;
    if (this.#isClosed) worker.kill();
    try {
      const outcome = await withinActivity(point, looks, this.#ask(worker, point, wireCase));
      if (this.#isolate || !isClean(outcome)) await this.#replace(worker);
      return { ...outcome, stuck: false };
    } catch (error) {
      const end = await this.#endOf(error, worker);
      const gone = await this.#replace(worker);
      return { end, steps: 1, callCounts: {}, stuck: !gone };
    } finally {
      this.#driving = undefined;
    }
  }

  async #dismiss(): Promise<void> {
    if (this.#worker !== undefined) await this.#replace(this.#worker);
  }

  async #ask(worker: WorkerProcess, point: WirePoint, wireCase: WireCase): Promise<WorkerOutcome> {
    if (!this.#known.has(wireCase.id)) {
      await worker.request({ t: 'case', case: wireCase });
      this.#known.add(wireCase.id);
    }
    const answer = await worker.request({ t: 'point', point });
    if (answer.t === 'outcome') return answer.outcome;
    const error = answer.t === 'failed' ? answer.error : `unexpected answer ${answer.t}`;
    return { end: { kind: 'defect', error }, steps: 0, callCounts: {} };
  }

  async #replace(worker: WorkerProcess): Promise<boolean> {
    if (this.#worker === worker) this.#worker = undefined;
    return worker.end(KILL_LIMIT_MS);
  }

  /** What a worker that gave no answer came to; read before it is killed. */
  async #endOf(error: unknown, worker: WorkerProcess): Promise<PointEnd> {
    const where = error instanceof Expired ? whereaboutsOf(worker) : '';
    if (error instanceof Expired) logBlockedTasks();
    const call = await worker.lastCall(this.#library.commands);
    const at = { step: worker.lastStep(), ...(call === undefined ? {} : { call }) };
    if (error instanceof WorkerDied) return { kind: 'died', how: error.message, ...at };
    if (error instanceof Expired) {
      return { kind: 'timeout', limitMs: error.limitMs, limit: error.limit, where, ...at };
    }
    return { kind: 'defect', error: String(error) };
  }
}

/** What the worker does in the kernel, and what the processes do that its steps started. */
function whereaboutsOf(worker: WorkerProcess): string {
  const peers = worker.peers().map((pid) => `in the other process, ${pid}:\n${whereabouts(pid)}`);
  return [whereabouts(worker.pid), ...peers].join('\n');
}

/** A worker that left something open, or that failed in our own code, is not used again. */
function isClean(outcome: WorkerOutcome): boolean {
  return outcome.end.kind !== 'defect' && outcome.leftBehind === undefined;
}
