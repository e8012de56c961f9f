import { type Capability, includesCapability } from '../providers/contract.ts';
import type { DeviceRecord, SkipClass } from '../reports/results.ts';
import type { LoadedCase, ParameterRow, Role } from './cases/loaded-case.ts';
import { offersAll } from './cases/roles.ts';
import { disturbs } from './cases/verbs.ts';
import { castings, inTurn } from './casting.ts';
import { formatPointId } from './point-id.ts';
import type { WireCase, WirePoint } from './protocol.ts';
import type { ProviderFacts } from './provider-facts.ts';
import {
  type Filters,
  pointFilter,
  refuseUnmatched,
  selectCases,
  selectDevices,
} from './select.ts';
import { stableNumber } from './shard.ts';
import { randomNumbers, shuffle } from './shuffle.ts';

/** A point that runs, or one that stands for points that cannot and says why. */
export interface PlannedPoint {
  readonly id: string;
  readonly case: LoadedCase;
  readonly parameters: ParameterRow;
  /** Role to address; of a skip only those that it is about. */
  readonly devices: Readonly<Record<string, string>>;
  /** What the agent gets; absent when the point is skipped. */
  readonly wire?: WirePoint;
  readonly skip?: { readonly class: SkipClass; readonly reason: string };
}

export interface PlanInput {
  /** As loadCases gives them. */
  readonly cases: readonly LoadedCase[];
  /** Selected and probed. */
  readonly devices: readonly DeviceRecord[];
  readonly providers: readonly ProviderFacts[];
  readonly filters: Filters;
  /** Shuffles the points; the same seed gives the same order. */
  readonly seed?: number;
  /** How often each point runs. Default: once. */
  readonly repeat?: number;
  /** Also cases that disturb the device or the machine. */
  readonly destructive: boolean;
  /** One choice of devices for each point and combination of drivers, in turn, instead of all. */
  readonly sample?: boolean;
  /** Limit of the time without any activity; 0 for none. Default: 30 s. */
  readonly inactivityMs?: number;
  /** Factor on every time limit; targets that are emulated are slower. */
  readonly timeoutScale: number;
}

const INACTIVITY_MS = 30_000;

/** What the agent needs of a case. */
export function toWireCase({ id, steps, roles, expectLog }: LoadedCase): WireCase {
  const names = Object.keys(roles);
  return { id, steps, roles: names, expectLog, ...(disturbs(steps) && { disturbs: true }) };
}

/**
 * Which points run, in which order: cases as they come, their parameters, the devices by address.
 *
 * Every device that fits plays each role, the same one also two unless it is opened once at a time;
 * where a role reaches another, those on one fabric. A device fits when its provider is
 * one of those that the role names and offers what the role needs, and the probe found all of it;
 * what the probe found missing is one skip for the case and device. A case that needs what no
 * selected device is there for is one skip, unless filters are the reason. Cases for one driver
 * only, which nothing in the filters asks for, share a skip.
 *
 * @throws UsageError when a filter matches nothing
 */
export function planPoints(input: PlanInput): PlannedPoint[] {
  const { filters, providers } = input;
  const selected = selectDevices(input.devices, filters, providers);
  const devices = [...selected].sort((a, b) => (a.address < b.address ? -1 : 1));
  const isWanted = pointFilter(filters);
  const absent: Absence[] = [];
  const planned: PlannedPoint[] = [];
  for (const one of selectCases(input.cases, filters)) {
    const casting = castRoles(one, devices, providers);
    if (casting.absent === undefined) planned.push(...pointsOf(one, casting.roles, input));
    else absent.push({ case: one, ...casting.absent });
  }
  const running = planned.filter((point) => point.skip === undefined).map((point) => point.id);
  refuseUnmatched(filters.ids, running);
  const points = [
    ...planned.filter(({ id, skip }) => (skip === undefined ? isWanted(id) : isSkipWanted(id))),
    ...skipAbsent(absent, input).filter(({ id }) => isSkipWanted(id)),
  ];
  return inRounds(inOrder(points, input.cases), input);

  /** A skip stands for points that a pattern may name more exactly, so only exclusion counts. */
  function isSkipWanted(id: string): boolean {
    return pointFilter({ ids: [], exclude: filters.exclude })(id);
  }
}

/** The devices that may play a role. */
interface Cast {
  readonly able: readonly DeviceRecord[];
  readonly unable: readonly DeviceRecord[];
}

interface Absence {
  readonly case: LoadedCase;
  readonly role: string;
  /** Providers that have what the role needs. */
  readonly servers: readonly ProviderFacts[];
}

function castRoles(
  one: LoadedCase,
  devices: readonly DeviceRecord[],
  providers: readonly ProviderFacts[],
): { readonly roles: ReadonlyMap<string, Cast>; readonly absent?: Omit<Absence, 'case'> } {
  const roles = new Map<string, Cast>();
  for (const [name, role] of Object.entries(one.roles)) {
    const servers = providers.filter((provider) => offersAll(provider, role));
    const names = servers.map((provider) => provider.name);
    const found = devices.filter((device) => names.includes(device.provider));
    if (found.length === 0) return { roles, absent: { role: name, servers } };
    const able = found.filter((device) => lackOf(device, role) === undefined);
    const unable = found.filter((device) => !able.includes(device));
    roles.set(name, { able, unable });
  }
  return { roles };
}

function lackOf(device: DeviceRecord, role: Role): Capability | undefined {
  return role.needs.find((capability) => !includesCapability(device.capabilities, capability));
}

function pointsOf(
  one: LoadedCase,
  roles: ReadonlyMap<string, Cast>,
  input: PlanInput,
): PlannedPoint[] {
  const skips = [...roles].flatMap(([name, { unable }]) =>
    unable.map((device) => skipUnable(one, name, device)),
  );
  const grid = castings(
    one,
    [...roles].map(([name, { able }]) => [name, able]),
  );
  if (grid.length === 0) return skips;
  if (one.destructive && !input.destructive) {
    return [skipped(one, {}, 'excluded', 'it is destructive; run it with --destructive'), ...skips];
  }
  const points = one.parameters.flatMap((parameters, index) =>
    (input.sample === true ? inTurn(one, grid, stableNumber(one.id) + index) : grid).map((cast) => {
      const devices = Object.fromEntries(
        Object.entries(cast).map(([role, { address }]) => [role, address]),
      );
      const id = formatPointId({ case: one.id, parameters, devices });
      const wire: WirePoint = {
        id,
        case: one.id,
        parameters: one.wireParameters[index] ?? parameters,
        devices,
        timeoutMs: Math.ceil(one.timeoutMs * input.timeoutScale),
        inactivityMs: (input.inactivityMs ?? INACTIVITY_MS) * input.timeoutScale,
        exclusive: one.exclusive,
      };
      return { id, case: one, parameters, devices, wire };
    }),
  );
  return [...points, ...skips];
}

function skipped(
  one: LoadedCase,
  devices: Readonly<Record<string, string>>,
  skipClass: SkipClass,
  reason: string,
): PlannedPoint {
  const id = formatPointId({ case: one.id, devices });
  return { id, case: one, parameters: {}, devices, skip: { class: skipClass, reason } };
}

function skipUnable(one: LoadedCase, name: string, device: DeviceRecord): PlannedPoint {
  const role = one.roles[name];
  const capability = role === undefined ? undefined : lackOf(device, role);
  const { missing } = device;
  const missed =
    missing[capability ?? ''] ?? (capability === 'buffer' ? missing['alloc'] : undefined);
  const reason = missed ?? 'the probe did not find it';
  // The probe was not allowed to look, or the driver not to do it: nothing is known of the feature.
  const skipClass = /: (EACCES|EPERM)$/.test(reason) ? 'no-privilege' : 'no-feature';
  return skipped(one, { [name]: device.address }, skipClass, `${capability}: ${reason}`);
}

/** One skip for each case that lacks a device, or for all that lack one of the same drivers. */
function skipAbsent(absences: readonly Absence[], { filters }: PlanInput): PlannedPoint[] {
  if (filters.devices.length > 0) return [];
  const { providers, ids, areas, rules } = filters;
  const isAskedFor = [providers, ids, areas, rules].some((filter) => filter.length > 0);
  const groups = new Map<string, Absence[]>();
  for (const absence of absences) {
    const names = absence.servers.map((provider) => provider.name);
    const allowed = names.filter((name) => providers.length === 0 || providers.includes(name));
    if (allowed.length === 0) continue;
    const isSpecific = absence.case.roles[absence.role]?.provider !== undefined;
    const key = isSpecific && !isAskedFor ? names.join() : absence.case.id;
    groups.set(key, [...(groups.get(key) ?? []), absence]);
  }
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    return [skipped(first.case, {}, 'no-device', absenceReason(first, others.length))];
  });
}

function absenceReason(absence: Absence, others: number): string {
  const who = absence.servers.map(({ name, driver }) =>
    name === driver ? name : `${name} (driver ${driver})`,
  );
  const needs = absence.case.roles[absence.role]?.needs ?? [];
  const what = needs.length === 0 ? '' : `, which needs ${needs.join(', ')}`;
  const more = others === 0 ? '' : `; ${others} more cases lack the same`;
  return `no device of ${who.join(' or ')} for the role '${absence.role}'${what}${more}`;
}

/** Skips stand where their cases do. */
function inOrder(points: readonly PlannedPoint[], cases: readonly LoadedCase[]): PlannedPoint[] {
  const place = new Map(cases.map((one, index) => [one.id, index]));
  return [...points].sort((a, b) => (place.get(a.case.id) ?? 0) - (place.get(b.case.id) ?? 0));
}

function inRounds(points: readonly PlannedPoint[], input: PlanInput): PlannedPoint[] {
  const { seed, repeat = 1 } = input;
  const random = randomNumbers(seed ?? 0);
  const rounds = Array.from({ length: repeat }, (_, index) => {
    const ofRound = index === 0 ? points : points.flatMap((point) => again(point, index + 1));
    return seed === undefined ? ofRound : shuffle(ofRound, random);
  });
  return rounds.flat();
}

/** The same point under the id of a later round; what is skipped is so only once. */
function again(point: PlannedPoint, round: number): PlannedPoint[] {
  if (point.wire === undefined) return [];
  const { parameters, devices, wire } = point;
  const id = formatPointId({ case: point.case.id, parameters, devices, round });
  return [{ ...point, id, wire: { ...wire, id } }];
}
