import type { Case } from '../../cases/types.gen.ts';
import type { ParameterRow } from './loaded-case.ts';
import { type Blame, below, type Locator, type ParameterValue } from './scope.ts';

type Parameters = NonNullable<Case['parameters']>;

/** Every combination of values, the last name varying fastest; or the rows as they are. */
export function parameterRows(parameters: Parameters | undefined): readonly ParameterRow[] {
  if (parameters === undefined) return [{}];
  if (Array.isArray(parameters)) return parameters;
  return Object.entries(parameters).reduce<ParameterRow[]>(
    (rows, [name, values]) =>
      rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value }))),
    [{}],
  );
}

/** The values that each parameter takes, with the places where they are written. */
export function parameterValues(
  parameters: Parameters | undefined,
  place: Locator,
): ReadonlyMap<string, readonly ParameterValue[]> {
  const found = new Map<string, ParameterValue[]>();
  const add = (name: string, value: ParameterValue['value'], at: Locator) => {
    const known = found.get(name) ?? [];
    if (!known.some((other) => other.value === value)) known.push({ value, place: at });
    found.set(name, known);
  };
  if (Array.isArray(parameters)) {
    for (const [index, row] of parameters.entries()) {
      for (const [name, value] of Object.entries(row)) add(name, value, below(place, index, name));
    }
    return found;
  }
  for (const [name, values] of Object.entries(parameters ?? {})) {
    for (const [index, value] of values.entries()) add(name, value, below(place, name, index));
  }
  return found;
}

/** Rows that do not name all parameters, and rows that would have the same id. */
export function checkRows(parameters: Parameters | undefined, blame: Blame): void {
  if (Array.isArray(parameters)) {
    const names = new Set(parameters.flatMap(Object.keys));
    for (const [index, row] of parameters.entries()) {
      for (const name of names) {
        if (Object.hasOwn(row, name)) continue;
        blame.value([index], `this row has no '${name}', others have`);
      }
    }
    const texts = parameters.map((row) => JSON.stringify([...names].map((name) => `${row[name]}`)));
    checkDifferent(texts, 'rows', blame);
    return;
  }
  for (const [name, values] of Object.entries(parameters ?? {})) {
    checkDifferent(values.map(String), 'values', blame.below(name));
  }
}

/** Ids show values as text, so a number and the same number as text would be one point. */
function checkDifferent(texts: readonly string[], what: string, blame: Blame): void {
  for (const [index, text] of texts.entries()) {
    const first = texts.indexOf(text);
    if (first === index) continue;
    blame.value(
      [index],
      `${what} ${first + 1} and ${index + 1} look the same in an id; remove one`,
    );
  }
}
