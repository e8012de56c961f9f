import { CaseDefect } from '../values.ts';
import type { Arguments, PointContext, VerbResult } from '../verb.ts';

export function create(_args: Arguments<'create'>, _context: PointContext): VerbResult {
  throw new CaseDefect('create is not there yet');
}

export function destroy(_args: Arguments<'destroy'>, _context: PointContext): VerbResult {
  throw new CaseDefect('destroy is not there yet');
}

export function query(_args: Arguments<'query'>, _context: PointContext): VerbResult {
  throw new CaseDefect('query is not there yet');
}

export function queryDevice(_args: Arguments<'queryDevice'>, _context: PointContext): VerbResult {
  throw new CaseDefect('queryDevice is not there yet');
}

export function queryPort(_args: Arguments<'queryPort'>, _context: PointContext): VerbResult {
  throw new CaseDefect('queryPort is not there yet');
}

export function queryGid(_args: Arguments<'queryGid'>, _context: PointContext): VerbResult {
  throw new CaseDefect('queryGid is not there yet');
}

export function queryGidTable(
  _args: Arguments<'queryGidTable'>,
  _context: PointContext,
): VerbResult {
  throw new CaseDefect('queryGidTable is not there yet');
}

export function infoHandles(_args: Arguments<'infoHandles'>, _context: PointContext): VerbResult {
  throw new CaseDefect('infoHandles is not there yet');
}

export function modify(_args: Arguments<'modify'>, _context: PointContext): VerbResult {
  throw new CaseDefect('modify is not there yet');
}

export function modifySrq(_args: Arguments<'modifySrq'>, _context: PointContext): VerbResult {
  throw new CaseDefect('modifySrq is not there yet');
}

export function reregister(_args: Arguments<'reregister'>, _context: PointContext): VerbResult {
  throw new CaseDefect('reregister is not there yet');
}

export function adviseMr(_args: Arguments<'adviseMr'>, _context: PointContext): VerbResult {
  throw new CaseDefect('adviseMr is not there yet');
}

export function resizeCq(_args: Arguments<'resizeCq'>, _context: PointContext): VerbResult {
  throw new CaseDefect('resizeCq is not there yet');
}

export function attachMulticast(
  _args: Arguments<'attachMulticast'>,
  _context: PointContext,
): VerbResult {
  throw new CaseDefect('attachMulticast is not there yet');
}

export function detachMulticast(
  _args: Arguments<'detachMulticast'>,
  _context: PointContext,
): VerbResult {
  throw new CaseDefect('detachMulticast is not there yet');
}
