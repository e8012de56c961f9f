/**
 * Sends points ahead, records what comes back, and goes on after the target was lost or its kernel
 * died. One event at a time; which point goes when, and whom a loss is blamed on, is the business of
 * `queue.ts`.
 */
import type { PointRecord } from '../../reports/results.ts';
import { fatalSign } from '../fatal-kernel.ts';
import { applyExpectation, type Judgement } from '../judge.ts';
import type { AgentMessage, WireOutcome } from '../protocol.ts';
import type { Target, TargetLoss } from '../target.ts';
import type { AgentSession } from './agent-session.ts';
import { fatalError } from './connect.ts';
import { LaneHistory } from './lane-history.ts';
import { takeLastNotes } from './last-notes.ts';
import { PointQueue, type Running } from './queue.ts';
import { now, type Recorder } from './recorder.ts';
import { isSendable, type RunPoint, type SendablePoint } from './run-point.ts';
import type { RunPolicy } from './run-policy.ts';
import { type Failure, isWorthALook, MAX_RERUN, SecondLooks } from './second-looks.ts';
import { SeenSigns } from './seen-signs.ts';
import { silenceLimitMs, silenceLoss } from './silence.ts';
import type { StopSignals } from './stop-signals.ts';
import { StrayNotes } from './stray-notes.ts';
import { type Gone, type Reached, TargetKeeper } from './target-keeper.ts';

/** What a run begins with. */
export interface RunStart {
  readonly points: readonly RunPoint[];
  /** Of a run that goes on: failures that had no second look yet. */
  readonly failures: readonly Failure[];
}

export interface LoopSettings {
  readonly target: Target;
  readonly recorder: Recorder;
  readonly stop: StopSignals;
  /** @throws InfraError when the target cannot be had again */
  readonly comeBack: () => Promise<Reached>;
  readonly window: number;
  readonly policy: RunPolicy;
}

/** How long a run that was stopped waits for the points that are running. */
const STOP_MS = 5000;

/** A point after which the kernel is not to be trusted, and why. */
interface DeadKernel {
  readonly id: string;
  readonly sign: string;
}

type DriveEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'stopped' }
  | ({ readonly kind: 'dead' } & DeadKernel)
  | { readonly kind: 'lost'; readonly loss: TargetLoss; readonly wasSilent: boolean };
type TargetEnd = Exclude<DriveEnd, { kind: 'done' | 'stopped' }>;

export class RunLoop {
  readonly #settings: LoopSettings;
  readonly #keeper: TargetKeeper;
  #history = new LaneHistory<SendablePoint>();
  readonly #failures: Failure[] = [];
  #queue = new PointQueue<SendablePoint>([], 0);
  #signs = new SeenSigns();
  readonly #stray: StrayNotes;
  /** Why points were left out at the end. */
  #gaveUp: string | undefined;

  constructor(settings: LoopSettings) {
    this.#settings = settings;
    this.#keeper = new TargetKeeper(settings);
    this.#stray = new StrayNotes(settings.recorder);
  }

  /**
   * Runs all points and closes the session, also when one cannot be recorded.
   * @param begin records what stands before the points, and gives what is to be done
   * @returns why the run is not whole
   */
  async run(first: Reached, begin: () => RunStart): Promise<string | undefined> {
    const { recorder, stop, target, policy, window } = this.#settings;
    let at: Reached | Gone | undefined = first;
    let { session } = first;
    try {
      const { points, failures } = begin();
      this.#failures.push(...failures.filter(({ record }) => isWorthALook(record, policy)));
      for (const point of points) this.#recordPlannedSkip(point);
      this.#queue = new PointQueue(points.filter(isSendable), window);
      while (at !== undefined && 'session' in at) {
        session = at.session;
        const end = await this.#drive(session);
        if (end.kind === 'stopped') return undefined;
        if (end.kind === 'done') break;
        await session.close();
        at = await this.#leave(end);
      }
      await takeLastNotes(at, target, recorder, stop.stop);
      const looks = new SecondLooks({ ...policy, keeper: this.#keeper, recorder, stop }, at);
      await looks.run(this.#failures);
      return this.#gaveUp ?? this.#keeper.losses.unexplained();
    } finally {
      await session.close();
    }
  }

  #recordPlannedSkip(point: RunPoint): void {
    if (isSendable(point) || !('skip' in point.todo)) return;
    const { class: skip, reason } = point.todo.skip;
    this.#settings.recorder.judged(point, now(), { verdict: 'skip', skip, reason });
  }

  async #drive(session: AgentSession): Promise<DriveEnd> {
    const { stop } = this.#settings.stop;
    const sentCases = new Set<string>();
    while (!this.#queue.isEmpty && !stop.aborted) {
      for (const point of this.#queue.takeSendable()) send(session, point, sentCases);
      const timeoutMs = silenceLimitMs(this.#queue.underWay, this.#settings.target);
      const event = await session.next({ timeoutMs, signal: stop });
      switch (event.kind) {
        case 'message': {
          const dead = this.#handle(event.message);
          if (dead) return { kind: 'dead', ...dead };
          break;
        }
        case 'stray':
          this.#stray.saw(event.line);
          break;
        case 'lost':
          return { kind: 'lost', loss: event.loss, wasSilent: false };
        case 'silence':
          return { kind: 'lost', loss: silenceLoss(timeoutMs), wasSilent: true };
        case 'aborted':
          break;
      }
    }
    if (!stop.aborted) return { kind: 'done' };
    await this.#cancel(session);
    return { kind: 'stopped' };
  }

  /** @returns the point that the kernel died under, where one did and that matters */
  #handle(message: AgentMessage): DeadKernel | undefined {
    const { recorder, target } = this.#settings;
    switch (message.t) {
      case 'started': {
        const at = now();
        const point = this.#queue.started(message.id, at);
        if (!point) {
          recorder.note(`the agent started a point that it was not sent: ${message.id}`);
          break;
        }
        this.#history.started(point, message.lane);
        recorder.started(message.id, at, message.lane);
        break;
      }
      case 'outcome': {
        const { outcome } = message;
        const ended = this.#queue.ended(outcome.id, now());
        if (ended) return this.#ended(ended, outcome);
        recorder.note(`the agent ended a point that it was not sent: ${outcome.id}`);
        break;
      }
      case 'note':
        recorder.note(message.text);
        break;
      case 'fatal':
        throw fatalError(message, target);
      case 'hello':
      case 'devices':
      case 'probed':
      case 'rested':
        recorder.note(`the agent sent '${message.t}' unasked`);
        break;
    }
    return undefined;
  }

  #ended(
    { point, startedAt }: Running<SendablePoint>,
    outcome: WireOutcome,
  ): DeadKernel | undefined {
    const { recorder, policy } = this.#settings;
    this.#remember(point, recorder.outcome(point, startedAt, outcome));
    this.#signs.saw(outcome.kernelLog);
    const sign = fatalSign(outcome, point.todo.wireCase.expectLog);
    if (sign === undefined) return undefined;
    if (this.#keeper.target.bootsAnew || !policy.keepGoing) return { id: point.id, sign };
    recorder.note(`the kernel is not to be trusted since ${point.id} (${sign}); going on as told`);
    return undefined;
  }

  /** Keeps a failure for a second look, where one is wanted. */
  #remember(point: SendablePoint, record: PointRecord | undefined): void {
    const before = this.#history.ended(point);
    if (!record || !isWorthALook(record, this.#settings.policy)) return;
    if (this.#failures.length < MAX_RERUN) {
      this.#failures.push({ point, record, ...(before && { before }) });
    }
  }

  /** What has not started is dropped; what runs gets a moment to end. */
  async #cancel(session: AgentSession): Promise<void> {
    session.send({ t: 'cancel' });
    const deadline = Date.now() + STOP_MS;
    while (this.#queue.runningCount > 0) {
      const timeoutMs = deadline - Date.now();
      if (timeoutMs <= 0) return;
      const event = await session.next({ timeoutMs, signal: this.#settings.stop.kill });
      if (event.kind === 'message') this.#handle(event.message);
      else if (event.kind !== 'stray') return;
    }
  }

  /** The point has its verdict already; what else the target had runs on another kernel, or not. */
  #leaveDeadKernel({ id, sign }: DeadKernel): void {
    const { recorder, target } = this.#settings;
    this.#queue.takeBack();
    this.#keeper.kernelDied();
    if (!target.bootsAnew || this.#queue.isEmpty) return;
    recorder.note(`the kernel of ${target.name} died in ${id} (${sign}): it is booted anew`);
  }

  #blame(loss: TargetLoss, wasSilent: boolean): void {
    const { recorder, target } = this.#settings;
    const { guilty, suspects } = this.#queue.lost(now());
    const ids = suspects.map(({ id }) => id);
    this.#keeper.lost(loss, guilty?.point.id, ids);
    const said = { ...loss, message: `${loss.message}${this.#signs.newIn(loss)}` };
    if (guilty) {
      this.#recordGuilty(guilty, said, wasSilent);
    } else if (suspects.length > 0) {
      const what = `${target.name} was lost (${loss.message}) while these ran side by side: `;
      recorder.note(`${what}${ids.join(', ')}. They run again one at a time.`);
    } else {
      recorder.note(`${target.name} was lost (${loss.message}) while no point ran`);
    }
  }

  #recordGuilty(guilty: Running<SendablePoint>, loss: TargetLoss, wasSilent: boolean): void {
    const { recorder, target } = this.#settings;
    const judgement: Judgement = {
      verdict: wasSilent ? 'hang' : 'crash',
      reason: `${target.name} was lost: ${loss.message}`,
    };
    const { point, startedAt } = guilty;
    const expected = applyExpectation(judgement, point.expectation);
    this.#remember(point, recorder.judged(point, startedAt, expected, loss));
  }

  /** @returns where the rest runs; undefined where there is none, and nobody has asked yet */
  async #leave(end: TargetEnd): Promise<Reached | Gone | undefined> {
    const { target } = this.#settings;
    if (end.kind === 'lost') this.#blame(end.loss, end.wasSilent);
    else this.#leaveDeadKernel(end);
    if (end.kind === 'dead' && !target.bootsAnew) {
      const why = `its kernel is not to be trusted since ${end.id} (${end.sign})`;
      this.#skipRest(`${target.name}: ${why}; --keep-going runs the rest all the same`);
      return { why };
    }
    if (this.#queue.isEmpty) return undefined;
    const returned = await this.#keeper.return();
    if ('why' in returned) {
      const where = end.kind === 'dead' ? `in ${end.id}` : this.#keeper.losses.culprit();
      this.#skipRest(`${target.name} was lost ${where}, and ${returned.why}`);
      return returned;
    }
    this.#signs = new SeenSigns();
    this.#history = new LaneHistory();
    this.#skipThoseWithout(new Set(returned.addresses));
    return returned;
  }

  #skipRest(reason: string): void {
    const points = this.#queue.drop();
    if (points.length > 0) this.#gaveUp = reason;
    const judgement: Judgement = { verdict: 'skip', skip: 'depends-on-failed', reason };
    for (const point of points) this.#settings.recorder.judged(point, now(), judgement);
  }

  #skipThoseWithout(addresses: ReadonlySet<string>): void {
    const { recorder, target } = this.#settings;
    const missing = (point: SendablePoint) =>
      Object.values(point.todo.wire.devices).filter((address) => !addresses.has(address));
    for (const point of this.#queue.withdraw((each) => missing(each).length > 0)) {
      const reason = `${missing(point).join(', ')} did not come back after ${target.name} was lost`;
      recorder.judged(point, now(), { verdict: 'skip', skip: 'no-device', reason });
    }
  }
}

function send(session: AgentSession, point: SendablePoint, sentCases: Set<string>): void {
  const { wire, wireCase } = point.todo;
  if (!sentCases.has(wireCase.id)) {
    sentCases.add(wireCase.id);
    session.send({ t: 'case', case: wireCase });
  }
  session.send({ t: 'point', point: wire });
}
