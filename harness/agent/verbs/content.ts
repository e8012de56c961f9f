import type { Mapping } from '../../../uapi/mapping.ts';
import { patternBytes } from '../pattern.ts';
import { CaseDefect } from '../values.ts';
import { type Arguments, gaveFields, type PointContext, type VerbResult } from '../verb.ts';

/** Verbs on the content of mappings. */

/** Bytes shown of each side where content differs. */
const SHOWN_BYTES = 16;

/** The range of a mapping that a step names, and the pattern for it. */
function expectedBytes(args: Arguments<'fill'> | Arguments<'bytes'>, context: PointContext) {
  const { scope } = context;
  const { mapping } = scope.value(args.mapping, 'mapping');
  const offset = Number(scope.size(args.offset ?? 0));
  const length =
    args.length === undefined ? mapping.length - offset : Number(scope.size(args.length));
  const pattern = scope.scalar(args.pattern);
  const from = args.from === undefined ? BigInt(offset) : scope.size(args.from);
  return { mapping, offset, bytes: patternBytes(String(pattern), from, length), pattern };
}

export function fill(args: Arguments<'fill'>, context: PointContext): VerbResult {
  const { mapping, offset, bytes } = expectedBytes(args, context);
  mapping.write(offset, bytes);
  return gaveFields();
}

/** The check that a job, a copy or a share has really moved data, and nothing beyond it. */
export function bytes(args: Arguments<'bytes'>, context: PointContext): VerbResult {
  const { mapping, offset, bytes: expected, pattern } = expectedBytes(args, context);
  const inside = compare(mapping, offset, expected, `pattern ${pattern}`);
  if (inside !== undefined || args.around === undefined) return inside ?? gaveFields();
  const around = String(context.scope.scalar(args.around));
  const end = offset + expected.length;
  for (const [from, to] of [
    [0, offset],
    [end, mapping.length],
  ] as const) {
    const guard = patternBytes(around, BigInt(from), to - from);
    const outside = compare(mapping, from, guard, `pattern ${around} around that`);
    if (outside !== undefined) return outside;
  }
  return gaveFields();
}

function compare(
  mapping: Mapping,
  offset: number,
  expected: Buffer,
  what: string,
): VerbResult | undefined {
  const at = mapping.compare(offset, expected);
  if (at < 0) return undefined;
  const actual = mapping.read(offset, expected.length);
  return {
    kind: 'mismatch',
    expected: `${what} in ${expected.length} bytes at offset ${offset}`,
    actual: `${countDifferent(expected, actual)} bytes differ, the first at offset ${offset + at}`,
    detail: `expected ${window(expected, at)}\nactual   ${window(actual, at)}`,
  };
}

function countDifferent(expected: Buffer, actual: Buffer): number {
  let count = 0;
  for (let i = 0; i < expected.length; i++) if (expected[i] !== actual[i]) count++;
  return count;
}

function window(bytes: Buffer, at: number): string {
  return bytes.toString('hex', at, at + SHOWN_BYTES).replace(/..(?=.)/g, '$& ');
}

/** Really touches memory, also where that faults: the worker dies of it. */
export function touch(args: Arguments<'touch'>, context: PointContext): VerbResult {
  const { mapping } = context.scope.value(args.mapping, 'mapping');
  const offset = Number(context.scope.size(args.offset));
  if (!Number.isSafeInteger(offset)) throw new CaseDefect(`${args.offset} is not an offset`);
  return gaveFields({ byte: mapping.rawTouch(offset, args.how, 0x5a) });
}
