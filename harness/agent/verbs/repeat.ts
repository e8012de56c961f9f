import { Scope } from '../scope.ts';
import { type Arguments, gaveFields, type PointContext, type VerbResult } from '../verb.ts';

/** Rounds are alike: each has its own names, and what it made is gone before the next, or stays. */
export function repeat(args: Arguments<'repeat'>, context: PointContext): VerbResult {
  const times = Number(context.scope.scalar(args.times));
  for (let round = 0; round < times; round++) {
    const depth = context.release.depth;
    const result = context.runSteps(args.steps, new Scope(context.scope));
    if (args.keep !== true) context.release.releaseTo(depth);
    if (result.kind !== 'gave') return result;
  }
  return gaveFields();
}
