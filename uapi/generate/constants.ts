import { type Compiler, runClang } from './clang.ts';
import type { Asker } from './evaluate.ts';
import type { ConstantModel } from './model.ts';
import type { Macro } from './preprocess.ts';

/** Numbers, names, operators, parentheses and character constants: nothing that ends a declaration. */
const EXPRESSION = /^(?:[\w\s()+\-*/%<>=!&|^~?:,.]|'(?:\\.|[^'\\])')+$/;

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const char of text) {
    if (char === '(') depth++;
    if (char === ')' && --depth < 0) return false;
  }
  return depth === 0;
}

/** Macros that might be integers, judged by their text alone. */
export function looksConstant({ functionLike, body }: Macro): boolean {
  return !functionLike && EXPRESSION.test(body) && isBalanced(body);
}

/** The lines of a text that clang finds fault with. */
function badLines(compiler: Compiler, source: string): Set<number> {
  const args = ['-fsyntax-only', '-ferror-limit=0', '-fno-caret-diagnostics'];
  const { stderr } = runClang(compiler, 'wide', args, source);
  const errors = stderr.matchAll(/^<stdin>:(\d+):\d+: (?:fatal )?error:/gm);
  return new Set([...errors].map(([, line]) => Number(line)));
}

/**
 * Those of the names that are integer constant expressions.
 *
 * @param source C text, valid alone, in which the names are defined
 */
export function selectConstants(
  compiler: Compiler,
  source: string,
  names: readonly string[],
): string[] {
  const checks = names.map(
    (name, index) => `struct uapi_check_${index} { unsigned bits : 1 + 0 * (${name}); };`,
  );
  const before = source.split('\n').length;
  const bad = badLines(compiler, `${source}\n${checks.join('\n')}\n`);
  return names.filter((_, index) => !bad.has(before + 1 + index));
}

/** The value of a constant expression: bigint if its 64-bit C type has eight bytes, else a number. */
export function constantModel(ask: Asker, name: string, text: string): ConstantModel {
  const raw = ask.value(name);
  const signed = ask.value(`(__typeof__(${name}))-1 < 0`).wide === 1n;
  const isWide = ask.value(`sizeof(${name})`).wide === 8n;
  const toValue = (bits: bigint): number | bigint => {
    const value = signed ? BigInt.asIntN(64, bits) : bits;
    return isWide ? value : Number(value);
  };
  const value = { wide: toValue(raw.wide), narrow: toValue(raw.narrow) };
  return { name, value, hex: /0x|<<|BIT/.test(text) };
}
