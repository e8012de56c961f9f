/** From devices to points: what the planner says, with all that reports and the judge need of it. */
import { EXPECTATION_NOTE } from '../../reports/expectations.ts';
import type { DeviceRecord, RuleText } from '../../reports/results.ts';
import { UsageError } from '../errors.ts';
import type { Expectations } from '../expectations.ts';
import { knownText } from '../judge.ts';
import { type PlannedPoint, planPoints, toWireCase } from '../plan.ts';
import type { RunPlan } from '../run/run.ts';
import type { RunPoint } from '../run/run-point.ts';
import { selectDevices } from '../select.ts';
import { isInShard } from '../shard.ts';
import { parseTargetName } from '../targets/open-target.ts';
import { reproduceLine } from './reproduce.ts';
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
    timeoutScale: timeoutScale * request.timeoutScale,
    ...(request.inactivityMs !== undefined && { inactivityMs: request.inactivityMs }),
    ...(request.seed !== undefined && { seed: request.seed }),
  });
  const byAddress = new Map(devices.map((device) => [device.address, device]));
  const { shard } = request;
  // Looked up before the shards part, so that an entry for another shard's point is not called stale.
  const points = planned
    .map((point) => ({ point, run: runPoint(point, request, suite, byAddress, expectations) }))
    .filter(({ point }) => shard === undefined || isInShard(point.case.id, shard))
    .map(({ run }) => run);
  const remarks = expectations.remarks(request.isUnfiltered);
  return { points, notes: remarks.map((remark) => `${EXPECTATION_NOTE}${remark}`) };
}

function runPoint(
  point: PlannedPoint,
  request: RunRequest,
  suite: Suite,
  devices: ReadonlyMap<string, DeviceRecord>,
  expectations: Expectations,
): RunPoint {
  const addresses = Object.values(point.devices);
  const taking = addresses.flatMap((address) => devices.get(address) ?? []);
  const expectation = expectations.find(point.id, taking);
  return {
    id: point.id,
    text: {
      title: point.case.title,
      area: point.case.area,
      rules: point.case.rules.flatMap((id) => ruleText(suite, id)),
      devices: point.devices,
      provider: taking[0]?.provider ?? '',
      reproduce: reproduceLine(request, point.id, point.devices),
    },
    ...(expectation && { expectation }),
    ...(request.required.length > 0 && { required: new Set(request.required) }),
    todo: todoOf(point, taking, expectations),
  };
}

/** What the plan skips already keeps its class: the list says nothing about why it cannot run. */
function todoOf(
  point: PlannedPoint,
  devices: readonly DeviceRecord[],
  expectations: Expectations,
): RunPoint['todo'] {
  if (!point.wire) {
    expectations.sawSkipped(point.case.id);
    return { skip: point.skip ?? { class: 'excluded', reason: 'the plan leaves it out' } };
  }
  const entry = expectations.findSkip(point.id, devices);
  if (entry) return { skip: { class: 'excluded', reason: knownText(entry) } };
  return { wire: point.wire, wireCase: toWireCase(point.case) };
}

function ruleText(suite: Suite, id: string): RuleText[] {
  const rule = suite.rules.get(id);
  if (!rule) return [];
  const { title, expect, source } = rule;
  return [{ id, title, expect, source }];
}
