import type { Given, Step } from '../../cases/types.gen.ts';
import { SizeError } from '../size.ts';
import { checkSteps, type StepContext } from './check-step.ts';
import type { Headers } from './headers.ts';
import { hint, type Problem } from './problems.ts';
import { schemaProblems } from './schema-problems.ts';
import { Blame, below, Scope } from './scope.ts';
import type { SourceFile } from './source-file.ts';
import { substitute } from './substitute.ts';
import { type Fixture, validators } from './validators.ts';

/** A fixture that is in order by itself, with the file that it came from. */
export interface LoadedFixture {
  readonly source: SourceFile;
  readonly fixture: Fixture;
}

export type Fixtures = ReadonlyMap<string, LoadedFixture>;

/** Checks a fixture as far as that goes without a case; undefined when it is of no use. */
export function loadFixture(
  source: SourceFile,
  headers: Headers,
  problems: Problem[],
): LoadedFixture | undefined {
  const validate = validators().fixture;
  if (!validate(source.value)) {
    for (const { path, key, text } of schemaProblems(validate.errors ?? [])) {
      problems.push({ ...(key ? source.atKey(path) : source.at(path)), text });
    }
    return undefined;
  }
  const fixture = source.value;
  const scope = new Scope();
  for (const [name, value] of Object.entries(fixture.parameters ?? {})) {
    const place = below(source, 'parameters', name);
    scope.add(name, { kind: 'parameter', values: [{ value, place }] });
  }
  const context = { roles: undefined, headers, resolved: new Map(), inProcess: false };
  const before = problems.length;
  checkSteps(fixture.steps, scope, context, new Blame(problems, below(source, 'steps')));
  for (const name of Object.keys(fixture.parameters ?? {})) {
    if (scope.used.has(name)) continue;
    problems.push({
      ...source.atKey(['parameters', name]),
      text: `no step uses the parameter '${name}'; use $${name} or remove it`,
    });
  }
  return problems.length === before ? { source, fixture } : undefined;
}

/**
 * The steps of a case's fixture with its parameters put in, checked in the scope of the case, in
 * which what they make is visible afterwards. What is wrong with them now is the case's doing.
 */
export function fixtureSteps(
  given: Given,
  fixtures: Fixtures,
  scope: Scope,
  context: StepContext,
  blame: Blame,
): Step[] {
  const found = fixtures.get(given.fixture);
  if (found === undefined) {
    const names = fixtures.keys();
    blame.value(
      ['fixture'],
      `there is no fixture '${given.fixture}'; ${hint(given.fixture, names)}`,
    );
    return [];
  }
  const { fixture, source } = found;
  const defaults = fixture.parameters ?? {};
  for (const name of Object.keys(given.with ?? {})) {
    if (Object.hasOwn(defaults, name)) continue;
    const names = Object.keys(defaults);
    blame.key(
      ['with', name],
      `'${given.fixture}' has no parameter '${name}'; ${hint(name, names)}`,
    );
  }
  const steps = withValues(fixture, { ...defaults, ...given.with }, blame);
  if (steps === undefined) return [];
  const inner: Problem[] = [];
  const checked = checkSteps(steps, scope, context, new Blame(inner, below(source, 'steps')));
  for (const problem of inner) {
    const { file, line, text } = problem;
    if (file === source.file) blame.value([], `in the fixture, ${file}:${line}: ${text}`);
    else blame.problems.push(problem);
  }
  return checked;
}

function withValues(
  fixture: Fixture,
  values: Readonly<Record<string, string | number | boolean>>,
  blame: Blame,
): readonly Step[] | undefined {
  try {
    const steps = substitute(fixture.steps, values);
    const validate = validators().fixture;
    const whole: unknown = { ...fixture, steps };
    if (validate(whole)) return whole.steps;
    for (const { text } of schemaProblems(validate.errors ?? [])) {
      blame.value(['with'], `in the fixture: ${text}`);
    }
  } catch (error) {
    if (!(error instanceof SizeError)) throw error;
    blame.value(['with'], error.message);
  }
  return undefined;
}
