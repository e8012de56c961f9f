import picomatch from 'picomatch';

/**
 * The one grammar of ids, on the command line, in expectation files, journals and reports:
 *
 *     id      = case [ '[' name '=' value { ',' name '=' value } ']' ] [ '@' devices ] [ '#' round ]
 *     case    = area '/' topic { '/' part } '/' name
 *     devices = address | role '=' address { ',' role '=' address }
 *
 * A single device of the role `device` stands by itself. In values and addresses all but letters,
 * digits and `.` `_` `-` `+` `:` (and `@` in addresses) is written as `%` and two hex digits, a blank
 * as `~`; so an id needs no quotes in a shell but for its brackets, and `/` is only in the case.
 */
export interface PointId {
  readonly case: string;
  /** As the case file writes them, but all text. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Role to address. */
  readonly devices: Readonly<Record<string, string>>;
  /** Counts from 1; 1 is not written. */
  readonly round: number;
}

/** The role of a case that names none. */
export const DEFAULT_ROLE = 'device';

type Scalar = string | number | boolean;

/** A value as ids show it. */
export function formatValue(value: Scalar): string {
  return encode(String(value)).replaceAll('@', '%40');
}

/** Everything that is not for sure without a meaning to a shell, a glob or this grammar. */
function encode(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._+:@ -]/gu, hexBytes).replaceAll(' ', '~');
}

function hexBytes(character: string): string {
  const bytes = [...Buffer.from(character)];
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll('~', ' '));
}

export function formatPointId(point: {
  readonly case: string;
  readonly parameters?: Readonly<Record<string, Scalar>>;
  readonly devices?: Readonly<Record<string, string>>;
  readonly round?: number;
}): string {
  const values = Object.entries(point.parameters ?? {}).map(
    ([name, value]) => `${name}=${formatValue(value)}`,
  );
  const parameters = values.length === 0 ? '' : `[${values.join(',')}]`;
  const round = point.round === undefined || point.round === 1 ? '' : `#${point.round}`;
  return `${point.case}${parameters}${formatDevices(point.devices ?? {})}${round}`;
}

function formatDevices(devices: Readonly<Record<string, string>>): string {
  const roles = Object.entries(devices);
  const [first] = roles;
  if (first === undefined) return '';
  if (roles.length === 1 && first[0] === DEFAULT_ROLE) return `@${encode(first[1])}`;
  return `@${roles.map(([role, address]) => `${role}=${encode(address)}`).join(',')}`;
}

const ID = /^([a-z0-9/-]+)(?:\[([^\]]*)\])?(?:@([^#]*))?(?:#([1-9][0-9]*))?$/;

/** @returns undefined when the text is no id */
export function parsePointId(text: string): PointId | undefined {
  const [, name, values, devices, round] = ID.exec(text) ?? [];
  if (name === undefined) return undefined;
  const parameters = values === undefined ? {} : parsePairs(values);
  const addresses = devices === undefined ? {} : parseDevices(devices);
  if (parameters === undefined || addresses === undefined) return undefined;
  return { case: name, parameters, devices: addresses, round: Number(round ?? 1) };
}

function parseDevices(text: string): Record<string, string> | undefined {
  return text.includes('=') ? parsePairs(text) : parsePairs(`${DEFAULT_ROLE}=${text}`);
}

function parsePairs(text: string): Record<string, string> | undefined {
  const pairs: Record<string, string> = {};
  for (const pair of text.split(',')) {
    const [name, value, ...more] = pair.split('=');
    if (name === undefined || name === '' || value === undefined || more.length > 0) {
      return undefined;
    }
    try {
      pairs[name] = decode(value);
    } catch {
      return undefined;
    }
  }
  return pairs;
}

/** Tells whether a pattern matches an id. */
export type IdMatcher = (id: string) => boolean;

const GLOB = /[*?{]/;

/**
 * A matcher of ids. A pattern without `*`, `?` or `{a,b}` names one id, or everything below it:
 * `dma-buf`, a case, a case with parameters. A glob must match the whole id, or as much of it as
 * ends before `[`, `@` or `#`; `*` stays within one part of the path and `**` does not.
 */
export function matchId(pattern: string): IdMatcher {
  if (!GLOB.test(pattern)) return (id) => id === pattern || beginnings(id).includes(pattern);
  const literal = pattern.replaceAll(/[[\]()!+@#~|^$\\]/g, '\\$&');
  const matches = picomatch(literal, { dot: true, noextglob: true, nonegate: true });
  return (id) => [id, ...partsOf(id)].some((part) => matches(part));
}

/** The id without its round, without its devices, without its parameters. */
function partsOf(id: string): string[] {
  const [, name = id, values = '', devices = ''] =
    /^([^[@#]*)(\[[^\]]*\])?(@[^#]*)?/.exec(id) ?? [];
  return [`${name}${values}${devices}`, `${name}${values}`, `${name}${devices}`, name];
}

/** The parts of the id, and the folders that its case is in. */
function beginnings(id: string): string[] {
  const parts = partsOf(id);
  const folders = (parts.at(-1) ?? id).split('/').slice(0, -1);
  return [...parts, ...folders.map((_, index) => folders.slice(0, index + 1).join('/'))];
}
