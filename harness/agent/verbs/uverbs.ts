import { CaseDefect } from '../values.ts';
import type { Arguments, PointContext, VerbResult } from '../verb.ts';

export function uverbs(_args: Arguments<'uverbs'>, _context: PointContext): VerbResult {
  throw new CaseDefect('uverbs is not there yet');
}

export function uverbsWrite(_args: Arguments<'uverbsWrite'>, _context: PointContext): VerbResult {
  throw new CaseDefect('uverbsWrite is not there yet');
}
