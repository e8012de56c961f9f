import { durationMs as parse } from '../duration.ts';
import { CaseDefect } from './values.ts';

/** A duration of a case, which the loader has checked. */
export function durationMs(text: string): number {
  const parsed = parse(text);
  if (parsed === undefined) throw new CaseDefect(`${text} is no duration`);
  return parsed;
}
