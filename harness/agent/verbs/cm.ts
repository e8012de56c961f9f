import { CaseDefect } from '../values.ts';
import type { Arguments, PointContext, VerbResult } from '../verb.ts';

export function cmOpen(_args: Arguments<'cmOpen'>, _context: PointContext): VerbResult {
  throw new CaseDefect('cmOpen is not there yet');
}

export function cm(_args: Arguments<'cm'>, _context: PointContext): VerbResult {
  throw new CaseDefect('cm is not there yet');
}

export function cmEvent(_args: Arguments<'cmEvent'>, _context: PointContext): VerbResult {
  throw new CaseDefect('cmEvent is not there yet');
}
