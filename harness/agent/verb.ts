import type { Step } from '../../cases/types.gen.ts';
import type { Device } from '../../providers/contract.ts';
import type { StepFailure } from '../../reports/results.ts';
import type { AnyStruct, Command } from '../../uapi/description.ts';
import type { ForkServer } from './fork-server.ts';
import type { ReleaseStack } from './release.ts';
import type { Scope } from './scope.ts';
import { CaseDefect, descriptorOf, type Fields, type SessionValue, type Value } from './values.ts';

/** The common keys of a step; every other key is a verb. */
type CommonKey =
  | 'on'
  | 'as'
  | 'fails'
  | 'mayFail'
  | 'mayRefuse'
  | 'gives'
  | 'takes'
  | 'within'
  | 'note';
export type Verb = Exclude<keyof Step, CommonKey>;
export type Arguments<V extends Verb> = NonNullable<Step[V]>;

/** What a verb came to: a value, the kernel's refusal, or a check that did not hold. */
export type VerbResult =
  | { readonly kind: 'gave'; readonly value: Value }
  | { readonly kind: 'refused'; readonly errno: number; readonly call: string }
  | {
      readonly kind: 'mismatch';
      readonly expected: string;
      readonly actual: string;
      readonly detail?: string;
    };

/** What verbs work with. */
export interface PointContext {
  readonly scope: Scope;
  readonly release: ReleaseStack;
  /** The session that the step acts on: the one that `on` names, else the first role's. */
  readonly session: SessionValue;
  /** The session that `on` names; without it verbs on a buffer go to the buffer's own session. */
  readonly on: SessionValue | undefined;
  /** Commands by name: those of the session's provider, then those of the dma-buf core. */
  command(name: string): Command;
  /** Structs of the same headers, by tag. */
  struct(tag: string): AnyStruct;
  /** For verbs that hold steps: runs them, and gives the first failure. */
  runSteps(steps: readonly Step[], scope: Scope): VerbResult;
  /** For verbs whose steps ran elsewhere: the failure there becomes this step's. */
  failInside(failure: StepFailure): VerbResult;
  /** For verbs that start another process. */
  readonly process: ProcessContext;
  /** Runs them as those of a process of their own: numbers from 1, `entering` told of each. */
  runApart(
    steps: readonly Step[],
    scope: Scope,
    entering: (step: string) => void,
  ): StepFailure | undefined;
}

/** What another process needs to do the same work. */
export interface ProcessContext {
  readonly roles: Readonly<Record<string, { readonly device: Device; readonly provider: string }>>;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** There when the steps start processes that share nothing with this one. */
  readonly forks: ForkServer | undefined;
}

export type VerbHandler<V extends Verb> = (args: Arguments<V>, context: PointContext) => VerbResult;

/** The descriptor behind a reference, also one that is closed. */
export function fdOf(reference: string, context: Pick<PointContext, 'scope'>): number {
  return descriptorOf(context.scope.resolve(reference));
}

export function gave(value: Value): VerbResult {
  return { kind: 'gave', value };
}

export function gaveFields(fields: Fields = {}): VerbResult {
  return { kind: 'gave', value: { kind: 'record', fields } };
}

export function refused(outcome: { readonly errno: number; readonly call: string }): VerbResult {
  return { kind: 'refused', errno: outcome.errno, call: outcome.call };
}

/** Success without a value, or the errno. */
export function finished(result: { readonly errno: number }, call: string): VerbResult {
  return result.errno === 0 ? gaveFields() : refused({ errno: result.errno, call });
}

/** A provider's verb; a missing one means that the case does not say what it needs. */
export function provided<T>(verb: T | undefined, name: string, session: SessionValue): T {
  if (verb !== undefined) return verb;
  throw new CaseDefect(`${session.provider.name} has no ${name}(); the case lacks it in "needs"`);
}
