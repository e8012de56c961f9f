import { resolve } from 'node:path';
import type { Shard, SkipClass } from '../../reports/results.ts';
import type { ReportFormat } from '../../reports/write.ts';
import { UsageError } from '../errors.ts';
import type { RunPolicy } from '../run/run-policy.ts';
import type { Filters } from '../select.ts';
import type { TargetRequest } from '../targets/open-target.ts';
import { DEFAULT_FORMATS } from './format-option.ts';
import { chooseProviders } from './providers-option.ts';
import type { RunArguments } from './run-options.ts';

/** What `run` is to do, with the options put in order. */
export interface RunRequest {
  readonly target: TargetRequest;
  readonly filters: Filters;
  /** Everything was asked for, so that an expectation that matches nothing is worth a note. */
  readonly isUnfiltered: boolean;
  readonly all: boolean;
  readonly caseDirectories: readonly string[];
  /** Set where the order is to be shuffled. */
  readonly seed?: number;
  readonly repeat: number;
  readonly destructive: boolean;
  /** Of devices with the same driver one for each point, in turn. */
  readonly sample: boolean;
  readonly jobs: number;
  readonly isolate: boolean;
  readonly timeoutScale: number;
  /** Of the whole run; absent for none. */
  readonly runTimeoutMs?: number;
  readonly inactivityMs?: number;
  readonly policy: RunPolicy;
  readonly board?: string;
  /** The only part of the cases to run. */
  readonly shard?: Shard;
  /** Classes of skips that are failures. */
  readonly required: readonly SkipClass[];
  /** Surprises after which no more points are sent. */
  readonly maxFailures?: number;
  /** Where the expectations are, if not in the suite. */
  readonly expectations?: string;
  readonly output?: string;
  readonly formats: readonly ReportFormat[];
  readonly sync?: boolean;
}

/** @throws UsageError where options do not go together */
export function runRequest(given: RunArguments): RunRequest {
  const providers = chooseProviders(given.provider ?? []);
  if (given.seed !== undefined && !given.shuffle) {
    throw new UsageError('--seed goes with --shuffle: give both or neither.');
  }
  const maxFailures = given.failFast ? 1 : given.maxFailures;
  if (given.failFast && given.maxFailures !== undefined) {
    throw new UsageError('--fail-fast means --max-failures 1: give one of them.');
  }
  const filters: Filters = {
    ids: given.id,
    areas: given.area ?? [],
    rules: given.rule ?? [],
    providers: providers.names,
    devices: given.device ?? [],
    exclude: given.exclude ?? [],
  };
  return {
    target: targetRequest(given),
    filters,
    isUnfiltered: !given.sample && Object.values(filters).every((list) => list.length === 0),
    all: given.all,
    caseDirectories: (given.cases ?? []).map((directory) => resolve(directory)),
    repeat: given.repeat ?? 1,
    destructive: given.destructive,
    sample: given.sample,
    jobs: given.jobs ?? 0,
    isolate: given.isolate,
    timeoutScale: given.timeoutScale ?? 1,
    policy: {
      keepGoing: given.keepGoing,
      reruns: given.reruns ?? 0,
      investigate: given.investigate,
    },
    ...(given.runTimeout && { runTimeoutMs: given.runTimeout }),
    ...(given.inactivityTimeout !== undefined && { inactivityMs: given.inactivityTimeout }),
    formats: [...DEFAULT_FORMATS, ...(given.format ?? [])],
    ...(given.shuffle && { seed: given.seed ?? newSeed() }),
    required: given.require ?? [],
    ...(given.board !== undefined && { board: given.board }),
    ...(given.shard !== undefined && { shard: given.shard }),
    ...(maxFailures !== undefined && { maxFailures }),
    ...(given.expectations !== undefined && { expectations: resolve(given.expectations) }),
    ...(given.output !== undefined && { output: given.output }),
    ...(given.sync !== undefined && { sync: given.sync }),
  };
}

/** The options of `run` and `devices` that say where the drivers are. */
export function targetRequest(
  given: Pick<
    RunArguments,
    | 'target'
    | 'kernel'
    | 'modules'
    | 'become'
    | 'sshConfig'
    | 'powerCycle'
    | 'provider'
    | 'unprivileged'
  >,
): TargetRequest {
  const { target, kernel, modules, become, sshConfig, powerCycle, unprivileged } = given;
  const providers = chooseProviders(given.provider ?? []);
  return {
    target,
    become,
    unprivileged,
    providers: providers.names,
    providerPaths: providers.paths,
    ...(kernel !== undefined && { kernel }),
    ...(modules !== undefined && { modules }),
    ...(sshConfig !== undefined && { sshConfig }),
    ...(powerCycle !== undefined && { powerCycle }),
  };
}

/** Short, so that people can type it. */
function newSeed(): number {
  return Math.floor(Math.random() * 1_000_000);
}
