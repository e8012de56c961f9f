import type { Sges } from '../../../cases/types.gen.ts';
import type { Sge } from '../../../providers/contract-verbs.ts';
import type { Scope } from '../scope.ts';
import { CaseDefect, type RdmaValue } from '../values.ts';
import type { Arguments, PointContext, VerbResult } from '../verb.ts';
import { bigintOf, numberOf, wordOf } from './rdma-arguments.ts';
import { MR_KINDS, rdmaOf, verbsFor } from './rdma-held.ts';
import { gaveFacts } from './rdma-queries.ts';

/** Pieces of memory as requests name them. */

type Piece = Sges[number];

/** A part of an MR, by default the rest of it; an address or a key of the step's own wins. */
export function sgeOf(piece: Piece, scope: Scope): Sge {
  const mr = piece.mr === undefined ? undefined : rdmaOf(piece.mr, scope, ...MR_KINDS);
  const offset = scope.size(piece.offset ?? 0);
  const address = bigintOf(piece.address, scope) ?? (mr && fieldOf(mr, 'address') + offset);
  const length = bigintOf(piece.length, scope) ?? (mr && fieldOf(mr, 'length') - offset);
  const lkey = bigintOf(piece.lkey, scope) ?? (mr && fieldOf(mr, 'lkey'));
  if (address === undefined || length === undefined || lkey === undefined) {
    throw new CaseDefect(`a piece of memory is of an 'mr', or has 'address', 'length' and 'lkey'`);
  }
  return { address, length: Number(length), lkey: Number(lkey) };
}

/** What stands in a piece now, for a request that carries its data itself. */
export function contentOf(piece: Piece, scope: Scope): Buffer {
  const mr = piece.mr === undefined ? undefined : rdmaOf(piece.mr, scope, ...MR_KINDS);
  if (mr?.memory === undefined) {
    throw new CaseDefect(`inline data is of an 'mr' over a mapping`);
  }
  const { mapping, offset } = mr.memory;
  const from = Number(scope.size(piece.offset ?? 0));
  const length = numberOf(piece.length, scope) ?? Number(fieldOf(mr, 'length')) - from;
  return mapping.read(offset + from, length);
}

/** A number that belongs to an object. */
export function fieldOf(value: RdmaValue, name: string): bigint {
  const field = value.object.fields[name];
  if (field !== undefined) return BigInt(field);
  throw new CaseDefect(`a ${value.object.kind} has no ${name}`);
}

/** enum ib_uverbs_advise_mr_advice, by number. */
const ADVICE = ['prefetch', 'prefetch-write', 'prefetch-no-fault'] as const;

export function adviseMr(args: Arguments<'adviseMr'>, context: PointContext): VerbResult {
  const { scope } = context;
  const pd = rdmaOf(args.pd, scope, 'pd');
  const advice = ADVICE.indexOf(wordOf(args.advice ?? 'prefetch', ADVICE, scope));
  const outcome = verbsFor(pd, context).adviseMr(pd.object, {
    advice: numberOf(args.rawAdvice, scope) ?? advice,
    flags: numberOf(args.flags ?? 0, scope),
    sges: args.sge.map((piece) => sgeOf(piece, scope)),
  });
  return gaveFacts(outcome);
}
