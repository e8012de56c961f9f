import type { Completion } from '../../../providers/contract-verbs.ts';
import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { durationMs } from '../duration.ts';
import type { Fields } from '../values.ts';
import {
  type Arguments,
  gaveFields,
  type PointContext,
  refused,
  type VerbResult,
} from '../verb.ts';
import { flagOf, howOf, numberOf } from './rdma-arguments.ts';
import { rdmaOf, verbsFor } from './rdma-held.ts';
import { gaveFacts } from './rdma-queries.ts';

/** Verbs on what comes out of completion queues. */

/** Completions taken at a time when all of them are wanted. */
const BATCH = 256;
const DEFAULT_TIMEOUT = '5s';

/** How long it polls without a pause: most completions are there by then. */
const SPIN_MS = 0.5;
const PAUSE_MS = 1;

export function pollCq(args: Arguments<'pollCq'>, context: PointContext): VerbResult {
  const { scope } = context;
  const cq = rdmaOf(args.cq, scope, 'cq');
  const verbs = verbsFor(cq, context);
  const how = howOf(args, scope);
  const poll = (max: number) => verbs.pollCq(cq.life.newest, max, how);
  const wanted = numberOf(args.count ?? 1, scope);
  const timeout = args.timeout ?? (wanted === 0 ? '0s' : DEFAULT_TIMEOUT);
  const limitMs = durationMs(timeout);
  const got = wanted === 0 ? takeAll(limitMs, poll) : waitFor(wanted, limitMs, poll);
  if (!got.ok) return refused(got);
  if (got.value.length >= wanted) return gaveFields(completionFields(got.value));
  return {
    kind: 'mismatch',
    expected: `${countOf(wanted)} within ${timeout}`,
    actual: countOf(got.value.length),
    ...(got.value.length === 0 ? {} : { detail: got.value.map(completionText).join('\n') }),
  };
}

type Poll = (max: number) => CallOutcome<readonly Completion[]>;

/** Nothing, when nothing came in time. */
function takeAll(timeoutMs: number, poll: Poll): CallOutcome<readonly Completion[]> {
  const all: Completion[] = [];
  for (let outcome = waitFor(1, timeoutMs, poll); ; outcome = poll(BATCH)) {
    if (!outcome.ok) return outcome;
    if (outcome.value.length === 0) return { ok: true, value: all };
    all.push(...outcome.value);
  }
}

/** Up to `wanted` completions, fewer when the time is over. */
function waitFor(
  wanted: number,
  timeoutMs: number,
  poll: Poll,
): CallOutcome<readonly Completion[]> {
  const all: Completion[] = [];
  const started = performance.now();
  for (;;) {
    const elapsedMs = performance.now() - started;
    const outcome = poll(wanted - all.length);
    if (!outcome.ok) return outcome;
    all.push(...outcome.value);
    // The clock was read before the queue, so that what came in time counts.
    if (all.length >= wanted || elapsedMs >= timeoutMs) return { ok: true, value: all };
    if (elapsedMs > SPIN_MS) pause(PAUSE_MS);
  }
}

/** Steps are synchronous; Node has no other way to sleep in one. */
function pause(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}

function completionFields(completions: readonly Completion[]): Fields {
  return {
    count: completions.length,
    ids: completions.map(({ id }) => id).join(' '),
    statuses: [...new Set(completions.map(({ status }) => status))].join(' '),
    wc: completions.map((completion) => ({ ...completion })),
  };
}

function countOf(count: number): string {
  return `${count} completion${count === 1 ? '' : 's'}`;
}

function completionText({ id, status, opcode, length, qpn, vendorError }: Completion): string {
  const what =
    status === 'success' ? `${opcode} of ${length} bytes` : `vendor error ${vendorError}`;
  return `id ${id} of QP ${qpn}: ${status}, ${what}`;
}

export function armCq(args: Arguments<'armCq'>, context: PointContext): VerbResult {
  const { scope } = context;
  const cq = rdmaOf(args.cq, scope, 'cq');
  const solicitedOnly = flagOf(args.solicitedOnly ?? false, scope) === true;
  const verbs = verbsFor(cq, context);
  return gaveFacts(verbs.armCq(cq.life.newest, solicitedOnly, howOf(args, scope)));
}
