/**
 * Sends points ahead, records what comes back, and goes on after the target was lost. One event at a
 * time; which point goes when, and whom a loss is blamed on, is the business of `queue.ts`.
 */
import { InfraError } from '../errors.ts';
import { applyExpectation, type Judgement } from '../judge.ts';
import type { AgentMessage } from '../protocol.ts';
import type { Target, TargetLoss } from '../target.ts';
import type { AgentSession } from './agent-session.ts';
import { fatalError, Stopped } from './connect.ts';
import { LossLedger } from './loss-ledger.ts';
import { PointQueue, type Running } from './queue.ts';
import { now, type Recorder } from './recorder.ts';
import { isSendable, type RunPoint, type SendablePoint } from './run-point.ts';
import type { StopSignals } from './stop-signals.ts';

/** A lost target that is there again: a session, and the devices that came back with it. */
export interface Returned {
  readonly session: AgentSession;
  readonly addresses: readonly string[];
}

export interface LoopSettings {
  readonly target: Target;
  readonly recorder: Recorder;
  readonly stop: StopSignals;
  /** @throws InfraError when the target cannot be had again */
  readonly comeBack: () => Promise<Returned>;
  readonly window: number;
}

/** A target that is lost more often is not one to test on. */
const MAX_LOSSES = 10;
/** How long an agent may be silent beyond the limit of its points, before the target's own factor. */
const SILENCE_MS = 30_000;
/** How long a run that was stopped waits for the points that are running. */
const STOP_MS = 5000;
/** Stray lines that are worth a note each. */
const MAX_STRAY_NOTES = 5;

type DriveEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'lost'; readonly loss: TargetLoss; readonly wasSilent: boolean };

export class RunLoop {
  readonly #settings: LoopSettings;
  readonly #losses = new LossLedger();
  #queue = new PointQueue<SendablePoint>([], 0);
  #strayNotes = 0;

  constructor(settings: LoopSettings) {
    this.#settings = settings;
  }

  /**
   * Runs all points and closes the session, also when one cannot be recorded.
   * @param begin records what stands before the points, and gives them
   * @returns why the run is not whole, where no point is to blame
   */
  async run(first: AgentSession, begin: () => readonly RunPoint[]): Promise<string | undefined> {
    let session = first;
    try {
      const points = begin();
      for (const point of points) this.#recordPlannedSkip(point);
      this.#queue = new PointQueue(points.filter(isSendable), this.#settings.window);
      for (;;) {
        const end = await this.#drive(session);
        if (end.kind === 'stopped') return undefined;
        if (end.kind === 'done') return this.#losses.unexplained();
        await session.close();
        this.#blame(end.loss, end.wasSilent);
        if (this.#queue.isEmpty) return this.#losses.unexplained();
        const returned = await this.#comeBack();
        if (!returned) return this.#losses.unexplained();
        session = returned;
      }
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
      const timeoutMs = this.#silenceLimitMs();
      const event = await session.next({ timeoutMs, signal: stop });
      switch (event.kind) {
        case 'message':
          this.#handle(event.message);
          break;
        case 'stray':
          this.#noteStray(event.line);
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

  #handle(message: AgentMessage): void {
    const { recorder, target } = this.#settings;
    switch (message.t) {
      case 'started': {
        const at = now();
        if (this.#queue.started(message.id, at)) recorder.started(message.id, at);
        else recorder.note(`the agent started a point that it was not sent: ${message.id}`);
        break;
      }
      case 'outcome': {
        const { outcome } = message;
        const ended = this.#queue.ended(outcome.id, now());
        if (ended) recorder.outcome(ended.point, ended.startedAt, outcome);
        else recorder.note(`the agent ended a point that it was not sent: ${outcome.id}`);
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
        recorder.note(`the agent sent '${message.t}' unasked`);
        break;
    }
  }

  #noteStray(line: string): void {
    if (this.#strayNotes++ >= MAX_STRAY_NOTES) return;
    const text = line.length > 200 ? `${line.slice(0, 200)}…` : line;
    this.#settings.recorder.note(`something else than the agent wrote to its output: ${text}`);
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

  #silenceLimitMs(): number {
    const longest = Math.max(0, ...this.#queue.onTarget.map(({ todo }) => todo.wire.timeoutMs));
    return longest + SILENCE_MS * this.#settings.target.timeoutScale;
  }

  #blame(loss: TargetLoss, wasSilent: boolean): void {
    const { recorder, target } = this.#settings;
    const { guilty, suspects } = this.#queue.lost(now());
    this.#losses.add(
      loss,
      guilty?.point.id,
      suspects.map(({ id }) => id),
    );
    if (guilty) {
      this.#recordGuilty(guilty, loss, wasSilent);
    } else if (suspects.length > 0) {
      const ids = suspects.map(({ id }) => id).join(', ');
      const what = `${target.name} was lost (${loss.message}) while these ran side by side: ${ids}`;
      recorder.note(`${what}. They run again one at a time.`);
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
    recorder.judged(point, startedAt, applyExpectation(judgement, point.expectation), loss);
  }

  async #comeBack(): Promise<AgentSession | undefined> {
    const { target, recorder, comeBack } = this.#settings;
    if (!target.canReturn) return this.#giveUp('it cannot be had again');
    if (this.#losses.count >= MAX_LOSSES) return this.#giveUp(`it was lost ${MAX_LOSSES} times`);
    try {
      const { session, addresses } = await comeBack();
      this.#skipThoseWithout(new Set(addresses));
      return session;
    } catch (error) {
      if (error instanceof Stopped || !(error instanceof InfraError)) throw error;
      recorder.note(error.message);
      return this.#giveUp('it did not come back');
    }
  }

  /** The target is gone for good: what remains cannot be run. */
  #giveUp(why: string): undefined {
    const { recorder, target } = this.#settings;
    const reason = `${target.name} was lost ${this.#losses.culprit()}, and ${why}`;
    for (const point of this.#queue.drop()) {
      recorder.judged(point, now(), { verdict: 'skip', skip: 'depends-on-failed', reason });
    }
    return undefined;
  }

  #skipThoseWithout(addresses: ReadonlySet<string>): void {
    const { recorder, target } = this.#settings;
    const missing = (point: SendablePoint) =>
      Object.values(point.text.devices).filter((address) => !addresses.has(address));
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

function silenceLoss(timeoutMs: number): TargetLoss {
  const message = `no sign of life for ${Math.round(timeoutMs / 1000)} s`;
  return { kind: 'closed', message, console: '' };
}
