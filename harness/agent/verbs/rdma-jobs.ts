import { CaseDefect } from '../values.ts';
import type { Arguments, PointContext, VerbResult } from '../verb.ts';

export function connect(_args: Arguments<'connect'>, _context: PointContext): VerbResult {
  throw new CaseDefect('connect is not there yet');
}

export function postSend(_args: Arguments<'postSend'>, _context: PointContext): VerbResult {
  throw new CaseDefect('postSend is not there yet');
}

export function postReceive(_args: Arguments<'postReceive'>, _context: PointContext): VerbResult {
  throw new CaseDefect('postReceive is not there yet');
}

export function pollCq(_args: Arguments<'pollCq'>, _context: PointContext): VerbResult {
  throw new CaseDefect('pollCq is not there yet');
}

export function armCq(_args: Arguments<'armCq'>, _context: PointContext): VerbResult {
  throw new CaseDefect('armCq is not there yet');
}

export function readEvent(_args: Arguments<'readEvent'>, _context: PointContext): VerbResult {
  throw new CaseDefect('readEvent is not there yet');
}
