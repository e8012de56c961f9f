import { withoutRound } from '../reports/point-id.ts';
import type { DeviceRecord } from '../reports/results.ts';
import type { LoadedCase } from './cases/loaded-case.ts';
import { hint } from './cases/problems.ts';
import { UsageError } from './errors.ts';
import { formatPointId, type IdMatcher, matchId } from './point-id.ts';
import type { ProviderFacts } from './provider-facts.ts';

/** What the user asked for. An empty list asks for everything; several filters all must hold. */
export interface Filters {
  /** Ids of cases or points, folders of them, or globs. */
  readonly ids: readonly string[];
  readonly areas: readonly string[];
  readonly rules: readonly string[];
  readonly providers: readonly string[];
  /** Globs over device addresses. */
  readonly devices: readonly string[];
  /** As `ids`; what they match makes no point. */
  readonly exclude: readonly string[];
}

/**
 * The devices that may be used, and so the only ones that have to be probed. A point has only
 * devices from here: for a grid over two drivers name both.
 *
 * @throws UsageError when a filter names a provider or a device that there is not
 */
export function selectDevices<D extends Pick<DeviceRecord, 'address' | 'provider'>>(
  devices: readonly D[],
  filters: Pick<Filters, 'providers' | 'devices'>,
  providers: readonly ProviderFacts[],
): readonly D[] {
  const names = providers.map((provider) => provider.name);
  for (const name of filters.providers) refuseUnknown('provider', name, names);
  const addresses = devices.map((device) => device.address);
  const matchers = filters.devices.map((pattern) => {
    const matches = matchAddress(pattern);
    if (!addresses.some(matches)) throw unknown('device', pattern, addresses);
    return matches;
  });
  return devices.filter(
    ({ address, provider }) =>
      (filters.providers.length === 0 || filters.providers.includes(provider)) &&
      (matchers.length === 0 || matchers.some((matches) => matches(address))),
  );
}

/**
 * The cases that filters leave, as far as that can be told without devices.
 *
 * @throws UsageError when a filter names an area, a rule, an id or a parameter that there is not
 */
export function selectCases(
  cases: readonly LoadedCase[],
  filters: Pick<Filters, 'ids' | 'areas' | 'rules' | 'exclude'>,
): readonly LoadedCase[] {
  const areas = new Set(cases.map((one) => one.area));
  const rules = new Set(cases.flatMap((one) => one.rules));
  for (const area of filters.areas) refuseUnknown('area', area, areas);
  for (const rule of filters.rules) refuseUnknown('rule with cases', rule, rules);
  const ids = cases.map((one) => one.id);
  const wanted = filters.ids.map((pattern) => caseMatcher(pattern, ids));
  for (const pattern of filters.exclude) caseMatcher(pattern, ids);
  for (const pattern of [...filters.ids, ...filters.exclude]) refuseParameters(pattern, cases);
  return cases.filter(
    (one) =>
      (filters.areas.length === 0 || filters.areas.includes(one.area)) &&
      (filters.rules.length === 0 || one.rules.some((rule) => filters.rules.includes(rule))) &&
      (wanted.length === 0 || wanted.some((matches) => matches(one.id))),
  );
}

/** Tells which points are left, once their ids are known. */
export function pointFilter(filters: Pick<Filters, 'ids' | 'exclude'>): IdMatcher {
  const wanted = filters.ids.map(matchPoint);
  const unwanted = filters.exclude.map(matchPoint);
  return (id) =>
    (wanted.length === 0 || wanted.some((matches) => matches(id))) &&
    !unwanted.some((matches) => matches(id));
}

/**
 * A pattern for points of a selected case that are not there, be it for a misspelt device.
 *
 * @param ids of all points of the selected cases, also those that the filters do not select
 * @throws UsageError that names the nearest
 */
export function refuseUnmatched(patterns: readonly string[], ids: readonly string[]): void {
  for (const pattern of patterns) {
    const matches = matchPoint(pattern);
    const name = casePart(pattern);
    const ofCase = ids.filter(matchId(name));
    if (ofCase.length > 0 && !ofCase.some(matches)) throw unknown('point', pattern, ofCase);
  }
}

/** The round is a counter and no part of what a point is. */
function matchPoint(pattern: string): IdMatcher {
  return matchId(withoutRound(pattern));
}

/**
 * As `refuseUnmatched`, of what can be told without devices. More is not asked of an exclusion: one list
 * of them may serve machines with other devices.
 */
function refuseParameters(pattern: string, cases: readonly LoadedCase[]): void {
  // A wildcard behind the bracket may stand for devices, too.
  const [part] = /^[^[@#]*\[[^*@#]*\*?/.exec(pattern) ?? [];
  if (part === undefined) return;
  const isCase = matchId(casePart(pattern));
  const ids = cases.filter(({ id }) => isCase(id)).flatMap(idsWithParameters);
  if (!ids.some(matchId(part))) throw unknown('point', pattern, ids);
}

/** The ids of a case's points without their devices. */
export function idsWithParameters(one: LoadedCase): string[] {
  return one.parameters.map((parameters) => formatPointId({ case: one.id, parameters }));
}

/** The case's part of a pattern: a pattern for some points of a case selects the case. */
function caseMatcher(pattern: string, ids: readonly string[]): IdMatcher {
  const matches = matchId(casePart(pattern));
  if (!ids.some(matches)) throw unknown('id', pattern, foldersOf(ids, pattern));
  return matches;
}

/** The names of as many parts as the pattern has: areas, topics or cases. */
function foldersOf(ids: readonly string[], pattern: string): Set<string> {
  const depth = casePart(pattern).split('/').length;
  return new Set(ids.map((id) => id.split('/').slice(0, depth).join('/')));
}

function casePart(pattern: string): string {
  const [part = ''] = /^[^[@#]*/.exec(pattern) ?? [];
  return part === '' ? '**' : part;
}

function matchAddress(pattern: string): IdMatcher {
  const matches = matchId(pattern);
  return (address) => address === pattern || matches(address);
}

function refuseUnknown(kind: string, name: string, known: Iterable<string>): void {
  const names = [...known];
  if (!names.includes(name)) throw unknown(kind, name, names);
}

function unknown(kind: string, name: string, known: Iterable<string>): UsageError {
  return new UsageError(`there is no ${kind} '${name}'; ${hint(name, known)}`);
}
