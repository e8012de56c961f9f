import type { Step } from '../../cases/types.gen.ts';
import { parseSize, SizeError } from '../size.ts';
import { textsOf } from './references.ts';
import { schemaProblems } from './schema-problems.ts';
import { Blame, type ParameterValue, type Scope } from './scope.ts';
import { substitute } from './substitute.ts';
import { validators } from './validators.ts';

/** Numbers for parameter values that are names of constants: parameter to value to number. */
export type ResolvedValues = Map<string, Map<unknown, unknown>>;

/** How a step is checked against its command; gives the step with numbers for constants. */
type Resolve = (step: Step, blame: Blame) => Step;

/**
 * Checks every value of every parameter that a step uses: what the step is with the value put in
 * must be a step that could have been written down.
 */
export function tryParameters(
  step: Step,
  scope: Scope,
  blame: Blame,
  resolve: Resolve,
  resolved: ResolvedValues,
): void {
  if (scope.parameters.size === 0) return;
  const outer = withoutInner(step);
  const text = JSON.stringify(outer);
  for (const [name, values] of scope.parameters) {
    if (!text.includes(`$${name}`)) continue;
    for (const parameter of values) {
      const prefix = () =>
        `${shown(parameter.value)} does not fit $${name} of line ${blame.line}: `;
      const place = new Blame(blame.problems, only(parameter), prefix);
      tryValue(outer, name, parameter.value, place, resolve, resolved);
    }
  }
}

function tryValue(
  step: Step,
  name: string,
  value: ParameterValue['value'],
  place: Blame,
  resolve: Resolve,
  resolved: ResolvedValues,
): void {
  try {
    const tried = substitute(step, { [name]: value });
    const validate = validators().step;
    if (!validate(tried)) {
      for (const { text } of schemaProblems(validate.errors ?? [])) place.value([], text);
      return;
    }
    for (const { text, size } of textsOf(tried)) if (size) parseSize(text);
    learn(step, resolve(tried, place), name, value, resolved);
  } catch (error) {
    if (!(error instanceof SizeError)) throw error;
    place.value([], error.message);
  }
}

/** Notes what stands in the checked step where the original has the parameter. */
function learn(
  original: unknown,
  checked: unknown,
  name: string,
  value: unknown,
  resolved: ResolvedValues,
): void {
  if (original === `$${name}`) {
    if (checked === value) return;
    const known = resolved.get(name) ?? new Map<unknown, unknown>();
    resolved.set(name, known.set(value, checked));
  }
  if (!isObject(original) || !isObject(checked)) return;
  for (const [key, item] of Object.entries(original)) {
    learn(item, checked[key], name, value, resolved);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The steps inside are tried by themselves; an empty list of them would not be allowed. */
function withoutInner(step: Step): Step {
  const { repeat, process } = step;
  const inner = [{ openFds: {} }];
  if (repeat !== undefined) return { ...step, repeat: { ...repeat, steps: inner } };
  if (process !== undefined) return { ...step, process: { ...process, steps: inner } };
  return step;
}

/** Whatever part of the step is wrong, the value is what must be mended. */
function only(parameter: ParameterValue) {
  const at = () => parameter.place.at([]);
  return { at, atKey: at };
}

function shown(value: ParameterValue['value']): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
