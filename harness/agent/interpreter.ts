import type { Step } from '../../cases/types.gen.ts';
import type { StepFailure } from '../../reports/results.ts';
import { errnoName } from '../../uapi/errno.ts';
import { sleepMs } from '../../uapi/sys-child.ts';
import { durationMs } from './duration.ts';
import { checkRefusal, RefusedImport } from './refusal.ts';
import type { Scope } from './scope.ts';
import { CaseDefect, describe, fieldsOf, type SessionValue, show, type Value } from './values.ts';
import { fdOf, gaveFields, type PointContext, type VerbResult } from './verb.ts';
import { comparable, plain } from './verbs/check.ts';
import { handlerOf, verbOf } from './verbs/index.ts';

/** What steps run in: everything of a verb's context that does not change from step to step. */
export interface Surroundings
  extends Omit<PointContext, 'scope' | 'session' | 'on' | 'runSteps' | 'runApart' | 'failInside'> {
  /** The sessions of the roles, in the order of the roles. */
  readonly sessions: ReadonlyMap<string, SessionValue>;
  /** Told before each step, so that a dead worker's last step is known. */
  entering(step: string): void;
  /** Steps that were executed. */
  executed: number;
}

/** Runs steps one after the other up to the first that does not do what the case says. */
export function runSteps(
  steps: readonly Step[],
  scope: Scope,
  around: Surroundings,
  prefix = '',
): StepFailure | undefined {
  for (const [index, step] of steps.entries()) {
    const number = `${prefix}${index + 1}`;
    const failure = runStep(step, number, scope, around);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function runStep(
  step: Step,
  number: string,
  scope: Scope,
  around: Surroundings,
): StepFailure | undefined {
  around.entering(number);
  around.executed++;
  const context = new StepContext(step, number, scope, around);
  const started = step.takes === undefined ? undefined : process.hrtime.bigint();
  const result = step.within === undefined ? callVerb(step, context) : lookAgain(step, context);
  const tookMs = started === undefined ? 0 : Number(process.hrtime.bigint() - started) / 1e6;
  if (context.inner !== undefined) return context.inner;
  const wrong =
    judgeRefusal(step, result, context) ??
    judgeStep(step, result, context) ??
    checkTime(step, tookMs);
  if (wrong !== undefined) return { step: number, action: actionText(step), ...wrong };
  if (step.as !== undefined && result.kind === 'gave') scope.set(step.as, result.value);
  return undefined;
}

/**
 * What the verb of one step works with. Made for every step, so it has fields of its own and no copies of
 * what surrounds it: where nothing is compiled, copying costs a tenth of a step.
 */
class StepContext implements PointContext {
  readonly scope: Scope;
  readonly on: SessionValue | undefined;
  readonly session: SessionValue;
  readonly release: PointContext['release'];
  readonly process: PointContext['process'];
  /** The failure of a step inside this one. */
  inner: StepFailure | undefined;
  readonly #number: string;
  readonly #around: Surroundings;

  constructor(step: Step, number: string, scope: Scope, around: Surroundings) {
    this.scope = scope;
    this.on = step.on === undefined ? undefined : sessionNamed(step.on, scope, around);
    this.session = this.on ?? firstSession(around);
    this.release = around.release;
    this.process = around.process;
    this.#number = number;
    this.#around = around;
  }

  command(name: string) {
    return this.#around.command(name);
  }

  struct(tag: string) {
    return this.#around.struct(tag);
  }

  runSteps(steps: readonly Step[], scope: Scope): VerbResult {
    const failure = runSteps(steps, scope, this.#around, `${this.#number}.`);
    return failure === undefined ? gaveFields() : this.#failed(failure);
  }

  runApart(steps: readonly Step[], scope: Scope, entering: (step: string) => void) {
    return runSteps(steps, scope, { ...this.#around, executed: 0, entering });
  }

  failInside(failure: StepFailure): VerbResult {
    return this.#failed({ ...failure, step: `${this.#number}.${failure.step}` });
  }

  #failed(failure: StepFailure): VerbResult {
    this.inner = failure;
    return { kind: 'mismatch', expected: failure.expected, actual: failure.actual };
  }
}

function callVerb(step: Step, context: PointContext): VerbResult {
  const verb = verbOf(step);
  const handler = verb === undefined ? undefined : handlerOf(verb);
  if (verb === undefined || handler === undefined) {
    throw new CaseDefect(`no verb in ${Object.keys(step).join(', ')}`);
  }
  return handler(step[verb] as never, context);
}

const LOOK_MS = 5;

/** What a worker of the kernel does comes later: asks again until it is as the step says, or the time is up. */
function lookAgain(step: Step, context: PointContext): VerbResult {
  const endMs = performance.now() + durationMs(step.within ?? '0s');
  for (;;) {
    const result = callVerb(step, context);
    if (judgeStep(step, result, context) === undefined) return result;
    if (performance.now() >= endMs) return result;
    sleepMs(LOOK_MS);
  }
}

type Wrong = Pick<StepFailure, 'expected' | 'actual' | 'detail'>;

/**
 * A driver may decline the import of another's buffer, if it does so cleanly: then nothing is left for
 * the point to check.
 *
 * @throws RefusedImport when it did
 */
function judgeRefusal(
  { import: args, mayRefuse }: Step,
  result: VerbResult,
  context: PointContext,
): Wrong | undefined {
  if (result.kind !== 'refused' || args === undefined) return undefined;
  if (mayRefuse?.includes(errnoName(result.errno)) !== true) return undefined;
  const { session } = context.session;
  const checked = checkRefusal(fdOf(args.dmabuf, context), session, result);
  if (checked.ok) throw new RefusedImport(checked.refusal);
  return checked.wrong;
}

/** Compares what a verb came to with what the step says it must come to. */
function judgeStep(step: Step, result: VerbResult, context: PointContext): Wrong | undefined {
  const errnos = step.fails === undefined ? undefined : [step.fails].flat();
  if (result.kind === 'mismatch') {
    const { kind: _kind, ...wrong } = result;
    return wrong;
  }
  if (result.kind === 'refused') {
    if (step.mayFail?.includes(errnoName(result.errno)) === true) return undefined;
    if (errnos?.includes(errnoName(result.errno)) === true) return undefined;
    const actual = `${errnoName(result.errno)} from ${result.call}`;
    return { expected: errnos?.join(' or ') ?? 'success', actual };
  }
  if (errnos !== undefined) {
    const given = describe(result.value);
    const actual = given === '' ? 'success' : `success (${given})`;
    return { expected: errnos.join(' or '), actual };
  }
  return checkFields(step, result.value, context);
}

function checkFields(step: Step, value: Value, context: PointContext): Wrong | undefined {
  const fields = fieldsOf(value);
  for (const [path, expectation] of Object.entries(step.gives ?? {})) {
    const actual = fieldAt(fields, path);
    const expected = plain(expectation, context);
    if (comparable(actual) === expected) continue;
    return { expected: `${path} = ${show(expected)}`, actual: `${path} = ${show(actual)}` };
  }
  return undefined;
}

function fieldAt(fields: object, path: string) {
  let at: unknown = fields;
  for (const part of path.replaceAll(/\[(\d+)\]/g, '.$1').split('.')) {
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[part] : undefined;
  }
  if (typeof at === 'string' || typeof at === 'number') return at;
  if (typeof at === 'bigint' || typeof at === 'boolean') return at;
  throw new CaseDefect(`the result has no plain field ${path}: ${Object.keys(fields).join(', ')}`);
}

function checkTime({ takes }: Step, tookMs: number): Wrong | undefined {
  if (takes === undefined) return undefined;
  const { atLeast, atMost } = takes;
  const actual = `took ${tookMs.toFixed(1)} ms`;
  if (atLeast !== undefined && tookMs < durationMs(atLeast)) {
    return { expected: `takes at least ${atLeast}`, actual };
  }
  if (atMost !== undefined && tookMs > durationMs(atMost)) {
    return { expected: `takes at most ${atMost}`, actual };
  }
  return undefined;
}

function sessionNamed(name: string, scope: Scope, around: Surroundings): SessionValue {
  return around.sessions.get(name) ?? scope.value(`$${name}`, 'session');
}

function firstSession(around: Surroundings): SessionValue {
  const [first] = around.sessions.values();
  if (first === undefined) throw new CaseDefect('a point without roles');
  return first;
}

/** The step as the case wrote it, without what only people read. */
function actionText(step: Step): string {
  const { note: _note, ...rest } = step;
  return JSON.stringify(rest);
}
