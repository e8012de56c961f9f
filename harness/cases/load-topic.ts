import type { Case, TopicFile } from '../../cases/types.gen.ts';
import { durationMs } from '../duration.ts';
import type { WireStep } from '../protocol.ts';
import type { ProviderFacts } from '../provider-facts.ts';
import type { CaseFile } from './case-files.ts';
import { checkSteps, type StepContext } from './check-step.ts';
import { type Fixtures, fixtureSteps } from './fixtures.ts';
import type { Headers } from './headers.ts';
import type { LoadedCase, ParameterRow, Role } from './loaded-case.ts';
import { checkRows, parameterRows, parameterValues } from './parameters.ts';
import { hint, type Problem } from './problems.ts';
import { offersAll, rolesOf } from './roles.ts';
import { schemaProblems } from './schema-problems.ts';
import { Blame, below, type Entry, type Locator, Scope } from './scope.ts';
import type { ResolvedValues } from './try-parameters.ts';
import { validators } from './validators.ts';

/** What cases are checked against. */
export interface Library {
  readonly providers: readonly ProviderFacts[];
  readonly headers: Headers;
  readonly fixtures: Fixtures;
  readonly ruleIds: ReadonlySet<string>;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** Titles say what is so, not what somebody wishes. */
const MODAL = /\b(should|must|may|shall)\b/i;

/** The cases of a topic file that are in order; what is wrong goes to `problems`. */
export function loadTopic(file: CaseFile, library: Library, problems: Problem[]): LoadedCase[] {
  const { source } = file;
  const validate = validators().topic;
  const fits = validate(source.value);
  const wrong = new Set<unknown>();
  for (const { path, key, text } of schemaProblems(validate.errors ?? [])) {
    problems.push({ ...(key ? source.atKey(path) : source.at(path)), text });
    wrong.add(path[0] === 'cases' ? path[1] : undefined);
  }
  // With something wrong at the top nothing below can be judged; a bad case stands for itself.
  if (wrong.has(undefined)) return [];
  const topic = source.value as TopicFile;
  const names = new Map<string, Locator>();
  return topic.cases.flatMap((one, index) => {
    if (!fits && wrong.has(index)) return [];
    const place = below(source, 'cases', index);
    const blame = new Blame(problems, place);
    const first = names.get(one.name);
    if (first !== undefined) {
      const { line } = first.at([]);
      blame.value(['name'], `the case of line ${line} is named '${one.name}' too; rename one`);
    }
    names.set(one.name, place);
    return [loadCase(file, topic, one, place, library, problems)];
  });
}

function loadCase(
  file: CaseFile,
  topic: TopicFile,
  one: Case,
  place: Locator,
  library: Library,
  problems: Problem[],
): LoadedCase {
  const blame = new Blame(problems, place);
  checkHead(one, library, blame);
  const places = { topic: new Blame(problems, below(file.source)), case: blame };
  const roles = rolesOf(topic, one, library.providers, places);
  const { steps, resolved } = loadSteps(one, roles, place, library, blame);
  const rows = parameterRows(one.parameters);
  return {
    id: `${file.id}/${one.name}`,
    area: file.id.split('/', 1)[0] ?? file.id,
    file: file.source.file,
    get line() {
      return place.at([]).line;
    },
    title: one.title,
    rules: one.rules,
    roles,
    parameters: rows,
    wireParameters: rows.map((row) => withNumbers(row, resolved)),
    steps,
    timeoutMs: one.timeout === undefined ? DEFAULT_TIMEOUT_MS : (durationMs(one.timeout) ?? 0),
    exclusive: one.exclusive ?? false,
    destructive: one.destructive ?? false,
    expectLog: one.expectLog ?? [],
  };
}

function checkHead(one: Case, library: Library, blame: Blame): void {
  const modal = MODAL.exec(one.title)?.[0];
  if (modal !== undefined) {
    blame.value(
      ['title'],
      `'${modal}' makes the title a wish; say what is so when the case passes`,
    );
  }
  for (const [index, rule] of one.rules.entries()) {
    if (library.ruleIds.has(rule)) continue;
    blame.value(['rules', index], `there is no rule '${rule}'; ${hint(rule, library.ruleIds)}`);
  }
  for (const [index, pattern] of (one.expectLog ?? []).entries()) {
    try {
      new RegExp(pattern);
    } catch (error) {
      blame.value(['expectLog', index], error instanceof Error ? error.message : String(error));
    }
  }
  checkRows(one.parameters, blame.below('parameters'));
}

/** Checks the steps in the order in which they run, each with the names that are there by then. */
function loadSteps(
  one: Case,
  roles: Readonly<Record<string, Role>>,
  place: Locator,
  library: Library,
  blame: Blame,
): { readonly steps: readonly WireStep[]; readonly resolved: ResolvedValues } {
  const scope = new Scope();
  const sessions = new Map<string, Entry>();
  for (const [name, role] of Object.entries(roles)) {
    const providers = library.providers.filter((provider) => offersAll(provider, role));
    const session: Entry = { kind: 'session', providers, role: { name, needs: role.needs } };
    sessions.set(name, session);
    scope.add(name, session);
  }
  const parameters = parameterValues(one.parameters, below(place, 'parameters'));
  for (const [name, values] of parameters) {
    if (scope.get(name) === undefined) scope.add(name, { kind: 'parameter', values });
    else blame.value(['parameters'], `the parameter '${name}' is named like a role; rename it`);
  }
  const resolved: ResolvedValues = new Map();
  const { headers, fixtures } = library;
  const disturbs = one.destructive === true && one.exclusive === true;
  const context: StepContext = { roles: sessions, headers, resolved, inProcess: false, disturbs };
  const first =
    one.given === undefined
      ? []
      : fixtureSteps(one.given, fixtures, scope, context, blame.below('given'));
  const steps = [...first, ...checkSteps(one.steps, scope, context, blame.below('steps'))];
  checkUse(one, roles, [...parameters.keys()], scope, blame);
  return { steps: steps.map((step) => ({ ...step })), resolved };
}

/** What is declared is used: else a misspelt name would hide, or points would be run twice. */
function checkUse(
  one: Case,
  roles: Readonly<Record<string, Role>>,
  parameters: readonly string[],
  scope: Scope,
  blame: Blame,
): void {
  for (const name of parameters) {
    if (scope.used.has(name)) continue;
    const text = `no step uses the parameter '${name}'; use $${name} or remove it`;
    if (Array.isArray(one.parameters)) blame.value(['parameters'], text);
    else blame.key(['parameters', name], text);
  }
  const names = Object.keys(roles);
  for (const name of names) {
    if (scope.used.has(name) || names.length === 1) continue;
    const text = `no step acts on the role '${name}'; name it in 'on' or remove it`;
    if (one.roles === undefined) blame.value([], text);
    else blame.key(['roles', name], text);
  }
}

function withNumbers(row: ParameterRow, resolved: ResolvedValues): ParameterRow {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      const number = resolved.get(name)?.get(value);
      return [name, typeof number === 'number' || typeof number === 'string' ? number : value];
    }),
  );
}
