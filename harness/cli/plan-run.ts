/** From devices to points: what the planner says, with all that reports and the judge need of it. */
import { EXPECTATION_NOTE } from '../../reports/expectations.ts';
import type { DeviceRecord } from '../../reports/results.ts';
import { UsageError } from '../errors.ts';
import type { Expectations } from '../expectations.ts';
import { knownText } from '../judge.ts';
import { type PlannedPoint, planPoints } from '../plan.ts';
import type { RunPlan } from '../run/run.ts';
import type { RunPoint } from '../run/run-point.ts';
import { selectDevices } from '../select.ts';
import { isInShard } from '../shard.ts';
import { parseTargetName } from '../targets/open-target.ts';
import { PlanContext, PlannedRunPoint } from './planned-run-point.ts';
import type { RunRequest } from './run-request.ts';
import type { Suite } from './suite.ts';

/**
 * The addresses of the devices that the run may open. On a machine that is not made for the run
 * nothing is opened unasked.
 * @throws UsageError
 */
export function selectAddresses(
  request: RunRequest,
  suite: Suite,
  found: readonly DeviceRecord[],
): readonly string[] {
  const isAsked = request.all || request.filters.devices.length > 0;
  if (!isAsked && parseTargetName(request.target.target).kind !== 'vm') {
    throw new UsageError(
      `On ${request.target.target} nothing is run unasked. ${devicesText(found)} ` +
        'Name what may be used with --device ADDRESS, or use every device with --all.',
    );
  }
  const selected = selectDevices(found, request.filters, suite.providers);
  return selected.map(({ address }) => address);
}

function devicesText(found: readonly DeviceRecord[]): string {
  if (found.length === 0) return 'No device of a known provider was found there.';
  return `Found there: ${found.map(({ address }) => address).join(', ')}.`;
}

/** @throws UsageError when a filter matches nothing */
export function planRun(
  request: RunRequest,
  suite: Suite,
  devices: readonly DeviceRecord[],
  timeoutScale: number,
  expectations: Expectations,
): RunPlan {
  const planned = planPoints({
    cases: suite.cases,
    devices,
    providers: suite.providers,
    filters: request.filters,
    repeat: request.repeat,
    destructive: request.destructive,
    sample: request.sample,
    timeoutScale: timeoutScale * request.timeoutScale,
    ...(request.inactivityMs !== undefined && { inactivityMs: request.inactivityMs }),
    ...(request.seed !== undefined && { seed: request.seed }),
  });
  const context = new PlanContext(request, suite, devices);
  const { shard } = request;
  // Looked up before the shards part, so that an entry for another shard's point is not called stale.
  const points = planned
    .map((point) => ({ point, run: runPoint(point, context, expectations) }))
    .filter(({ point }) => shard === undefined || isInShard(point.case.id, shard))
    .map(({ run }) => run);
  const remarks = expectations.remarks(request.isUnfiltered);
  return { points, notes: remarks.map((remark) => `${EXPECTATION_NOTE}${remark}`) };
}

function runPoint(point: PlannedPoint, context: PlanContext, expectations: Expectations): RunPoint {
  const devices = context.devicesOf(point);
  const expectation = expectations.find(point.id, devices);
  const todo = todoOf(point, context, expectations);
  return new PlannedRunPoint(point, context, todo, expectation);
}

/** What the plan skips already keeps its class: the list says nothing about why it cannot run. */
function todoOf(
  point: PlannedPoint,
  context: PlanContext,
  expectations: Expectations,
): RunPoint['todo'] {
  if (!point.wire) {
    expectations.sawSkipped(point.case.id);
    return { skip: point.skip ?? { class: 'excluded', reason: 'the plan leaves it out' } };
  }
  const entry = expectations.findSkip(point.id, context.devicesOf(point));
  if (entry) return { skip: { class: 'excluded', reason: knownText(entry) } };
  return { wire: point.wire, wireCase: context.wireCaseOf(point.case) };
}
