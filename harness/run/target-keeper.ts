/** Has a target again after it was lost or given up, as long as that is worth it. */
import { InfraError, UsageError } from '../errors.ts';
import type { Target, TargetLoss } from '../target.ts';
import type { AgentSession } from './agent-session.ts';
import { LossLedger } from './loss-ledger.ts';
import type { Recorder } from './recorder.ts';

/** A target that is there: a session, and the devices that came with it. */
export interface Reached {
  readonly session: AgentSession;
  readonly addresses: readonly string[];
}

/** Why it is not there any more, as the end of a sentence on the target. */
export interface Gone {
  readonly why: string;
}

export interface KeeperSettings {
  readonly target: Target;
  readonly recorder: Recorder;
  /** @throws InfraError, UsageError when the target cannot be had again */
  readonly comeBack: () => Promise<Reached>;
}

/** A target that is lost, or whose kernel dies, more often is not one to test on. */
const MAX_RETURNS = 10;

export class TargetKeeper {
  readonly #settings: KeeperSettings;
  readonly losses = new LossLedger();
  #deadKernels = 0;

  constructor(settings: KeeperSettings) {
    this.#settings = settings;
  }

  get target(): Target {
    return this.#settings.target;
  }

  lost(loss: TargetLoss, guilty: string | undefined, suspects: readonly string[]): void {
    this.losses.add(loss, guilty, suspects);
  }

  /** The kernel died under a point that has its verdict: no loss that anybody has to explain. */
  kernelDied(): void {
    this.#deadKernels++;
  }

  /**
   * The old session must be closed. A provider that fails on a target which came back is the agent's
   * `usage`; here that was in order once, and so it is no reason to give up what was found.
   * @throws Stopped, and what nobody foresaw
   */
  async return(): Promise<Reached | Gone> {
    const { target, recorder, comeBack } = this.#settings;
    if (!target.canReturn) return { why: 'it cannot be had again' };
    if (this.losses.count + this.#deadKernels >= MAX_RETURNS) {
      return { why: `it was lost ${MAX_RETURNS} times` };
    }
    try {
      return await comeBack();
    } catch (error) {
      const isGone = error instanceof InfraError || error instanceof UsageError;
      if (!isGone) throw error;
      recorder.note(error.message);
      return { why: 'it did not come back' };
    }
  }
}
