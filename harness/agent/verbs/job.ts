import type { BufferObject, Job, Outcome, SubmitRequest } from '../../../providers/contract.ts';
import { tryClose } from '../../../uapi/sys.ts';
import { durationMs } from '../duration.ts';
import type { JobValue, SessionValue } from '../values.ts';
import {
  type Arguments,
  fdOf,
  gave,
  gaveFields,
  type PointContext,
  provided,
  refused,
  type VerbResult,
} from '../verb.ts';

/** Verbs of jobs that the device does on buffers. */

const DEFAULT_WAIT = '5s';

type Synchronized = Pick<
  Arguments<'submitFill'>,
  'fenceIn' | 'fenceOut' | 'syncobjsIn' | 'syncobjsOut'
>;

export function submitCopy(args: Arguments<'submitCopy'>, context: PointContext): VerbResult {
  const { scope } = context;
  const { buffer: source } = scope.value(args.source, 'buffer');
  const { buffer: target, owner } = scope.value(args.target, 'buffer');
  const session = context.on ?? owner;
  const verb = provided(session.session.submitCopy, 'submitCopy', session);
  const sourceOffset = scope.size(args.sourceOffset ?? 0);
  const targetOffset = scope.size(args.targetOffset ?? 0);
  const size = args.size === undefined ? reachOf(source) - sourceOffset : scope.size(args.size);
  const job = { source, sourceOffset, target, targetOffset, size };
  return holdJob(context, session, verb(job, requestOf(args, context)));
}

export function submitFill(args: Arguments<'submitFill'>, context: PointContext): VerbResult {
  const { scope } = context;
  const { buffer: target, owner } = scope.value(args.target, 'buffer');
  const session = context.on ?? owner;
  const verb = provided(session.session.submitFill, 'submitFill', session);
  const offset = scope.size(args.offset ?? 0);
  const size = args.size === undefined ? reachOf(target) - offset : scope.size(args.size);
  const job = { target, offset, size, value: Number(scope.size(args.value)) };
  return holdJob(context, session, verb(job, requestOf(args, context)));
}

function reachOf({ jobBytes, size }: BufferObject): bigint {
  return jobBytes ?? size;
}

function requestOf(args: Synchronized, context: PointContext): SubmitRequest {
  const handles = (list: readonly (string | number)[]) =>
    list.map((handle) => Number(context.scope.size(handle)));
  const { fenceIn, fenceOut, syncobjsIn, syncobjsOut } = args;
  return {
    ...(fenceIn === undefined ? {} : { fenceIn: fdOf(fenceIn, context) }),
    ...(fenceOut === undefined ? {} : { fenceOut }),
    ...(syncobjsIn === undefined ? {} : { syncobjsIn: handles(syncobjsIn) }),
    ...(syncobjsOut === undefined ? {} : { syncobjsOut: handles(syncobjsOut) }),
  };
}

/** A job needs no release, its sync_file does. */
function holdJob(context: PointContext, owner: SessionValue, outcome: Outcome<Job>): VerbResult {
  if (!outcome.ok) return refused(outcome);
  const job = outcome.value;
  const { fence } = job;
  const value: JobValue = { kind: 'job', owner, job, closed: fence === undefined };
  context.release.push(`sync_file of job ${job.id}`, () => {
    if (value.closed || fence === undefined) return 0;
    value.closed = true;
    return tryClose(fence).errno;
  });
  return gave(value);
}

export function waitJob(args: Arguments<'waitJob'>, context: PointContext): VerbResult {
  const { job, owner } = context.scope.value(args.job, 'job');
  const session = context.on ?? owner;
  const verb = provided(session.session.waitJob, 'waitJob', session);
  const outcome = verb(job, durationMs(args.timeout ?? DEFAULT_WAIT));
  return outcome.ok ? gaveFields() : refused(outcome);
}

/** Where the CPU and the device see the same memory there is nothing to move. */
export function transfer(args: Arguments<'transfer'>, context: PointContext): VerbResult {
  const { buffer, owner } = context.scope.value(args.buffer, 'buffer');
  const session = context.on ?? owner;
  const outcome = session.session.transfer?.(buffer, args.to);
  return outcome === undefined || outcome.ok ? gaveFields() : refused(outcome);
}
