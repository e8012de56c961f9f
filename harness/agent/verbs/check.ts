import { pageSize } from '../../../uapi/sys-memory.ts';
import { evaluateSize, mayBeSize, parseSize, SizeError } from '../../size.ts';
import { type Scalar, show } from '../values.ts';
import { type Arguments, gaveFields, type PointContext, type VerbResult } from '../verb.ts';

/** Verbs that only look: at values that earlier steps gave. */

export function equal(args: Arguments<'equal'>, context: PointContext): VerbResult {
  const [first, ...others] = args.map((operand) => plain(operand, context));
  const odd = others.findIndex((value) => value !== first);
  if (odd < 0) return gaveFields();
  return {
    kind: 'mismatch',
    expected: `${args[odd + 1]} = ${show(first ?? '')}, as ${args[0]}`,
    actual: show(others[odd] ?? ''),
  };
}

export function different(args: Arguments<'different'>, context: PointContext): VerbResult {
  const [first, second] = args.map((operand) => plain(operand, context));
  if (first !== second) return gaveFields();
  return {
    kind: 'mismatch',
    expected: `${args[0]} and ${args[1]} differ`,
    actual: `both are ${show(first ?? '')}`,
  };
}

export function oneOf(args: Arguments<'oneOf'>, context: PointContext): VerbResult {
  const [first, ...others] = args.map((operand) => plain(operand, context));
  if (others.some((value) => value === first)) return gaveFields();
  return {
    kind: 'mismatch',
    expected: `${args[0]} = ${args.slice(1).join(' or ')}`,
    actual: show(first ?? ''),
  };
}

export function atLeast(args: Arguments<'atLeast'>, context: PointContext): VerbResult {
  const [value = 0n, bound = 0n] = args.map((operand) => context.scope.size(operand));
  if (value >= bound) return gaveFields();
  return { kind: 'mismatch', expected: `${args[0]} >= ${bound}`, actual: String(value) };
}

export function aligned(args: Arguments<'aligned'>, context: PointContext): VerbResult {
  const [value = 0n, unit = 1n] = args.map((operand) => context.scope.size(operand));
  if (value % unit === 0n) return gaveFields();
  return { kind: 'mismatch', expected: `${args[0]} a multiple of ${unit}`, actual: String(value) };
}

const REFERENCE = /^\$[a-zA-Z0-9_.[\]]+$/;

/**
 * What the kernel gave, as `plain` makes what a case expects; but text of the kernel that looks like
 * a reference is text.
 */
export function comparable(value: Scalar): Scalar {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (typeof value !== 'string' || !mayBeSize(value)) return value;
  try {
    const terms = parseSize(value);
    if (terms.some((term) => term.kind === 'reference')) return value;
    return evaluateSize(terms, () => 0n, pageSize());
  } catch (error) {
    if (error instanceof SizeError) return value;
    throw error;
  }
}

/** Numbers compare by value, whatever width they came in; text that is a size counts as a number. */
export function plain(operand: Scalar, context: Pick<PointContext, 'scope'>): Scalar {
  if (typeof operand === 'string' && REFERENCE.test(operand)) {
    return plain(context.scope.scalar(operand), context);
  }
  if (typeof operand === 'number' && Number.isInteger(operand)) return BigInt(operand);
  if (typeof operand !== 'string' || !mayBeSize(operand)) return operand;
  if (/^-\d+$/.test(operand)) return BigInt(operand);
  try {
    return context.scope.size(operand);
  } catch (error) {
    if (error instanceof SizeError) return operand;
    throw error;
  }
}
