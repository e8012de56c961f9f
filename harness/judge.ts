/**
 * Turns what happened on the target into one verdict. Pure: no clock, no files, so that a table of
 * tests covers every arm.
 */
import type { OnTop, Refusal, SkipClass, StepFailure, Verdict } from '../reports/results.ts';
import { GATING } from '../reports/results.ts';
import type { PointEnd, WireCase, WireOutcome } from './protocol.ts';
import { newTaint, TAINT_WARN } from './taint.ts';

/** The verdict on one point and what a reader needs to understand it. */
export interface Judgement {
  readonly verdict: Verdict;
  /** One line; present unless the verdict is pass. */
  readonly reason?: string;
  /** What went wrong besides: the verdict names one thing. */
  readonly also?: readonly OnTop[];
  readonly skip?: SkipClass;
  /** With a skip of the class `refused`: who refused what. */
  readonly refusal?: Refusal;
  readonly failure?: StepFailure;
}

/** What can be expected of a point: bad verdicts, and what comes on top of one. */
export const EXPECTABLE = ['fail', 'unhealthy', 'hang', 'crash', 'leak'] as const;
export type Expectable = (typeof EXPECTABLE)[number];

/** What an expectation file says of a point: see `harness/expectations.ts`. */
export interface Expectation {
  /** It fails now and then: when it does that is a flake, and a pass is no surprise. */
  readonly flaky?: boolean;
  /** What may go wrong; anything else is a surprise. */
  readonly verdicts: readonly Expectable[];
  readonly reason: string;
  /** Where it is tracked. */
  readonly bug?: string;
  /** `ci/expectations/vgem/fails:12` */
  readonly place: string;
}

/**
 * Judges one point.
 *
 * @returns undefined for a point that was cancelled before it began: it gets no record
 */
export function judge(
  outcome: WireOutcome,
  wireCase: Pick<WireCase, 'expectLog'>,
  expectation?: Expectation,
): Judgement | undefined {
  const ended = applyAnnounced(judgeEnd(outcome.end, outcome.steps), outcome, wireCase.expectLog);
  if (!ended) return undefined;
  const signs = signsOfBadHealth(outcome, wireCase.expectLog);
  return applyExpectation(
    applyHealth(applyLeaks(ended, outcome.leftBehind ?? []), signs),
    expectation,
  );
}

/** Applies what an expectation file says, which must know of all that went wrong. */
export function applyExpectation(
  judgement: Judgement,
  expectation: Expectation | undefined,
): Judgement {
  if (!expectation || judgement.verdict === 'skip') return judgement;
  const known = knownText(expectation);
  if (judgement.verdict === 'pass') {
    if (expectation.flaky) return judgement;
    const reason = `passed, but is expected to ${listOf(expectation.verdicts)}: ${known}; remove the entry`;
    return { verdict: 'unexpected-pass', reason };
  }
  const expected: ReadonlySet<string> = new Set(expectation.verdicts);
  const surprises = [judgement.verdict, ...(judgement.also ?? [])].filter(
    (one) => !expected.has(one),
  );
  if (surprises.length > 0) {
    const reason = `${judgement.reason}; ${surprises.join(' and ')} is not what is known: ${known}`;
    return { ...judgement, reason };
  }
  const verdict = expectation.flaky ? 'flake' : 'expected-fail';
  return { ...judgement, verdict, reason: `${judgement.reason}; known: ${known}` };
}

function onTop({ also = [] }: Judgement, what: OnTop): Required<Pick<Judgement, 'also'>> {
  return { also: [...also, what] };
}

/** `why (bug, place)` of an entry, on one line. */
export function knownText({ reason, bug, place }: Omit<Expectation, 'verdicts'>): string {
  return `${reason} (${bug ? `${bug}, ` : ''}${place})`;
}

/**
 * Applies `--require`: a skip of a required class is a failure. It keeps its class, by which readers
 * tell it from a failure of the driver.
 */
export function applyRequired(judgement: Judgement, required: ReadonlySet<SkipClass>): Judgement {
  const { verdict, skip, reason } = judgement;
  if (verdict !== 'skip' || skip === undefined || !required.has(skip)) return judgement;
  return {
    ...judgement,
    verdict: 'fail',
    reason: `skipped as ${skip}, which --require forbids: ${reason}`,
  };
}

/** How a run is left: the exit code and, unless it is 0, why. */
export interface RunResult {
  readonly verdicts: readonly Verdict[];
  /** The user stopped it. */
  readonly interrupted: boolean;
  /** Nobody could be blamed for this: the target could not be had, the disk is full. */
  readonly broken: boolean;
}

/**
 * 0 as expected; 1 conformance failures; 3 the run did not come to its end or executed nothing. A
 * failure that was seen outweighs a run that broke later. (2, usage, ends a run before it begins.)
 */
export function exitCode(result: RunResult): 0 | 1 | 3 {
  if (result.verdicts.some((verdict) => GATING.has(verdict))) return 1;
  if (result.interrupted || result.broken) return 3;
  return result.verdicts.some((verdict) => verdict !== 'skip') ? 0 : 3;
}

function judgeEnd(end: PointEnd, steps: number): Judgement | undefined {
  switch (end.kind) {
    case 'done':
      return steps > 0
        ? { verdict: 'pass' }
        : { verdict: 'fail', reason: 'defect of the suite: the point passed without any step' };
    case 'failed':
      return { verdict: 'fail', reason: failureLine(end.failure), failure: end.failure };
    case 'skipped':
      return {
        verdict: 'skip',
        reason: end.reason,
        skip: end.class,
        ...(end.refusal && { refusal: end.refusal }),
      };
    case 'died':
      return { verdict: 'crash', ...describeDeath(end) };
    case 'timeout':
      return { verdict: 'hang', ...describeHang(end) };
    case 'defect':
      return { verdict: 'fail', reason: `defect of the suite: ${firstLine(end.error)}` };
    case 'cancelled':
      return undefined;
  }
}

/** Lines that a case announces are what it is about: a pass without one of them is none. */
function applyAnnounced(
  ended: Judgement | undefined,
  { kernelLog }: Pick<WireOutcome, 'kernelLog'>,
  expectLog: readonly string[],
): Judgement | undefined {
  if (ended?.verdict !== 'pass') return ended;
  const missing = expectLog.filter((pattern) => {
    const announced = new RegExp(pattern);
    return !kernelLog.some(({ text }) => announced.test(text));
  });
  if (missing.length === 0) return ended;
  const reason = `the kernel did not log ${missing.map((pattern) => `/${pattern}/`).join(', ')}`;
  return { verdict: 'fail', reason };
}

/** What a point leaves behind fails it; after another end it is one more thing to say. */
function applyLeaks(ended: Judgement, left: readonly string[]): Judgement {
  if (left.length === 0) return ended;
  const leak = `left behind: ${left.join(', ')}`;
  if (ended.verdict === 'pass') return { verdict: 'fail', reason: leak };
  if (ended.skip === 'refused') return { verdict: 'fail', reason: `${ended.reason}; ${leak}` };
  const reason = ended.reason ? `${ended.reason}; ${leak}` : leak;
  return { ...ended, reason, ...(ended.verdict !== 'skip' && onTop(ended, 'leak')) };
}

/** A bad kernel spoils a pass, and a skip too: an oops must not hide behind a missing feature. */
function applyHealth(judgement: Judgement, signs: readonly string[]): Judgement {
  if (signs.length === 0) return judgement;
  const news = signs.join('; ');
  if (judgement.verdict === 'pass') return { verdict: 'unhealthy', reason: news };
  const reason = judgement.reason ? `${judgement.reason}; ${news}` : news;
  if (judgement.verdict === 'skip') return { verdict: 'unhealthy', reason };
  return { ...judgement, reason, ...onTop(judgement, 'unhealthy') };
}

function signsOfBadHealth(outcome: WireOutcome, expectLog: readonly string[]): string[] {
  const announced = expectLog.map((pattern) => new RegExp(pattern));
  const signed = outcome.kernelLog.filter((line) => line.sign !== undefined);
  const lines = signed.filter((line) => !announced.some((pattern) => pattern.test(line.text)));
  const signs: string[] = [];
  const [first] = lines;
  if (first) {
    const more = lines.length > 1 ? ` and ${lines.length - 1} more` : '';
    signs.push(`kernel log: ${first.sign}: ${first.text}${more}`);
  }
  signs.push(...(outcome.signs ?? []));
  // A warning that the case announced taints the kernel as well; nothing else is forgiven.
  const forgiven = signed.length > lines.length ? TAINT_WARN : 0;
  const taint = newTaint(outcome.taintBefore | forgiven, outcome.taintAfter);
  if (taint.length > 0) signs.push(`new kernel taint: ${taint.join(', ')}`);
  const beside = outcome.beside ?? [];
  if (signs.length > 0 && beside.length > 0) {
    signs.push(`which may be the doing of ${beside.join(', ')}, run beside it; see --jobs 1`);
  }
  return signs;
}

type Death = Extract<PointEnd, { kind: 'died' }>;
type Timeout = Extract<PointEnd, { kind: 'timeout' }>;

function describeDeath(end: Death): Required<Pick<Judgement, 'reason' | 'failure'>> {
  const actual = `the worker died: ${end.how}`;
  return {
    reason: `${actual} in ${placeOf(end)}`,
    failure: { step: end.step, action: end.call ?? '', expected: 'the step returns', actual },
  };
}

function describeHang(end: Timeout): Required<Pick<Judgement, 'reason' | 'failure'>> {
  const limit = `${end.limitMs / 1000} s`;
  const silent = end.limit === 'inactivity';
  return {
    reason: `${silent ? 'no sign of life for' : 'no end within'} ${limit} in ${placeOf(end)}`,
    failure: {
      step: end.step,
      action: end.call ?? '',
      expected: silent ? `a sign of life within ${limit}` : `the point ends within ${limit}`,
      actual: silent ? 'no step, no call, no kernel log line' : 'it was still running',
      detail: end.where,
    },
  };
}

function placeOf(end: Death | Timeout): string {
  return end.call ? `step ${end.step}, ${end.call}` : `step ${end.step}`;
}

function failureLine(failure: StepFailure): string {
  return `step ${failure.step}: expected ${failure.expected}, got ${failure.actual}`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function listOf(verdicts: readonly Expectable[]): string {
  return verdicts.join(' or ');
}
