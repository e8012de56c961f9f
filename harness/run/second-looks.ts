/**
 * What a failure does when it runs again, once everything else has run: `--reruns` counts how often it
 * fails by itself, be it a surprise or a flake that is known; `--investigate` finds out whether a surprise
 * needs the point before it to fail. The first verdict stands in the journal meanwhile; a second record
 * of the point replaces it.
 */
import type { PointRecord, Verdict } from '../../reports/results.ts';
import { fatalSign } from '../fatal-kernel.ts';
import { judge } from '../judge.ts';
import type { AgentSession } from './agent-session.ts';
import type { Recorder } from './recorder.ts';
import type { SendablePoint } from './run-point.ts';
import type { StopSignals } from './stop-signals.ts';
import type { Gone, Reached, TargetKeeper } from './target-keeper.ts';
import { tryPoint } from './trial.ts';

/** A failure that is worth a second look, as the run came to it. */
export interface Failure {
  readonly point: SendablePoint;
  readonly record: PointRecord;
  /** What ran before it in the same lane, where anything did. */
  readonly before?: SendablePoint;
}

export interface LookSettings {
  readonly keeper: TargetKeeper;
  readonly recorder: Recorder;
  readonly stop: StopSignals;
  /** How often each failure runs again. */
  readonly reruns: number;
  readonly investigate: boolean;
  /** A dead kernel that cannot be booted anew is used all the same. */
  readonly keepGoing: boolean;
}

/** Surprises that are worth a second look; an unexpected pass is none. */
const SURPRISES: ReadonlySet<Verdict> = new Set(['fail', 'crash', 'hang', 'unhealthy']);
/** More failures are no surprise: the driver is broken, and order is not the question. */
export const MAX_RERUN = 100;
const MAX_INVESTIGATED = 10;

/** A skip that `--require` made a failure would only be skipped again. */
export function isWorthALook(
  { verdict, skip }: Pick<PointRecord, 'verdict' | 'skip'>,
  { reruns, investigate }: Pick<LookSettings, 'reruns' | 'investigate'>,
): boolean {
  if (verdict === 'flake') return reruns > 0;
  return SURPRISES.has(verdict) && skip === undefined && (reruns > 0 || investigate);
}

type Look = 'passes' | 'fails' | 'unknown';

export class SecondLooks {
  readonly #settings: LookSettings;
  /** Absent where the target has to be had anew before the next point. */
  #at: Reached | Gone | undefined;
  #isCut = false;

  constructor(settings: LookSettings, at: Reached | Gone | undefined) {
    this.#settings = settings;
    this.#at = at;
  }

  /** Looks at all of them and closes whatever session there is. */
  async run(failures: readonly Failure[]): Promise<void> {
    const { recorder, investigate } = this.#settings;
    let surprises = 0;
    try {
      for (const failure of failures) {
        const isSurprise = failure.record.verdict !== 'flake';
        if (isSurprise) surprises++;
        await this.#lookAt(failure, investigate && isSurprise && surprises <= MAX_INVESTIGATED);
      }
      if (investigate && surprises > MAX_INVESTIGATED) {
        const left = surprises - MAX_INVESTIGATED;
        recorder.note(`--investigate looked at ${MAX_INVESTIGATED} failures and left out ${left}`);
      }
      this.#sayIfCut();
    } finally {
      await this.#leave();
    }
  }

  #sayIfCut(): void {
    const { keeper, recorder } = this.#settings;
    if (!this.#isCut || this.#at === undefined || !('why' in this.#at)) return;
    recorder.note(`second looks are missing: ${keeper.target.name} is gone, ${this.#at.why}`);
  }

  async #lookAt(failure: Failure, isInvestigated: boolean): Promise<void> {
    const { record } = failure;
    const said = await this.#rerun(failure);
    const found = isInvestigated ? await this.#investigate(failure) : undefined;
    if (said === undefined && found === undefined) return;
    const reason = [record.reason, said].filter((text) => text !== undefined).join('; ');
    const investigation = found === undefined ? {} : { investigation: found };
    this.#settings.recorder.amend({ ...record, reason, ...investigation });
  }

  /** Alone, but where the run left its workers. @returns what is to be said, if anything */
  async #rerun({ point, record }: Failure): Promise<string | undefined> {
    let [failed, runs] = [1, 1];
    for (; runs <= this.#settings.reruns; runs++) {
      const look = await this.#look([point], false);
      if (look === 'unknown') break;
      if (look === 'fails') failed++;
    }
    if (runs === 1) return undefined;
    const doubt = record.verdict === 'flake' && failed === runs ? ', is it a flake at all?' : '';
    return `failed ${failed} of ${runs} runs${doubt}`;
  }

  async #investigate({ point, before }: Failure): Promise<string | undefined> {
    const alone = await this.#look([point], true);
    if (alone === 'unknown') return undefined;
    if (alone === 'fails') return 'fails alone';
    if (before === undefined) return 'does not fail again';
    const after = await this.#look([before, point], true);
    if (after === 'unknown') return 'does not fail alone';
    if (after === 'fails') return `fails only after ${before.id}`;
    return `does not fail again, neither alone nor after ${before.id}`;
  }

  /** Runs points one after the other; what the last one came to. */
  async #look(points: readonly SendablePoint[], isFresh: boolean): Promise<Look> {
    if (isFresh) await this.#leave();
    let look: Look = 'unknown';
    for (const point of points) look = await this.#try(point);
    return look;
  }

  async #try(point: SendablePoint): Promise<Look> {
    const { keeper, recorder, stop, keepGoing } = this.#settings;
    const session = await this.#have(point);
    if (session === undefined) return 'unknown';
    const trial = { target: keeper.target, recorder, signal: stop.stop };
    const end = await tryPoint(session, point, trial);
    if (end.kind === 'stopped') return 'unknown';
    if (end.kind === 'lost') {
      keeper.lost(end.loss, point.id, []);
      await this.#leave();
      return 'fails';
    }
    if (fatalSign(end.outcome, point.todo.wireCase.expectLog) !== undefined) {
      keeper.kernelDied();
      await this.#leave();
      if (!keeper.target.bootsAnew && !keepGoing) {
        this.#at = { why: `its kernel is not to be trusted since ${point.id}` };
      }
    }
    const judgement = judge(end.outcome, point.todo.wireCase);
    if (judgement === undefined || judgement.verdict === 'skip') return 'unknown';
    return SURPRISES.has(judgement.verdict) ? 'fails' : 'passes';
  }

  /** A session in which the point's devices are there. */
  async #have(point: SendablePoint): Promise<AgentSession | undefined> {
    if (this.#settings.stop.stop.aborted) return undefined;
    this.#at ??= await this.#settings.keeper.return();
    if ('why' in this.#at) {
      this.#isCut = true;
      return undefined;
    }
    const there = new Set(this.#at.addresses);
    const areThere = Object.values(point.todo.wire.devices).every((each) => there.has(each));
    return areThere ? this.#at.session : undefined;
  }

  async #leave(): Promise<void> {
    if (this.#at === undefined || 'why' in this.#at) return;
    const { session } = this.#at;
    this.#at = undefined;
    await session.close();
  }
}
