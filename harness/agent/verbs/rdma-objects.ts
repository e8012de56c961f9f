import type { CreateRequests, RdmaKind } from '../../../providers/contract-verbs.ts';
import type { Scope } from '../scope.ts';
import { CaseDefect, isSameFile, type RdmaValue, type SessionValue } from '../values.ts';
import {
  type Arguments,
  gave,
  gaveFields,
  type PointContext,
  refused,
  type VerbResult,
} from '../verb.ts';
import { accessBits, bitsOf, howOf, numberOf, present } from './rdma-arguments.ts';
import { LOWER, memoryOf, rangeOf } from './rdma-create.ts';
import { changedRdma, holdRdma, MR_KINDS, rdmaOf, verbsFor, verbsOf } from './rdma-held.ts';

/** Verbs that make, change and destroy objects of an RDMA device. */

export function create(args: Arguments<'create'>, context: PointContext): VerbResult {
  const { scope } = context;
  const kind = createdKind(args);
  const owner = ownerOf(args[kind] ?? {}, context);
  const want = (LOWER[kind] as Lowering)(args[kind], scope);
  const outcome = verbsOf(owner).create(kind, want, howOf(args, scope));
  if (!outcome.ok) return refused(outcome);
  const memory = args.mr === undefined ? undefined : memoryOf(args.mr, scope);
  const element = 'userHandle' in want ? want.userHandle : undefined;
  return gave(holdRdma(context, present({ object: outcome.value, owner, memory, element })));
}

/** One entry of the table; that kind and arguments belong together is what the table says. */
type Lowering = (want: unknown, scope: Scope) => CreateRequests[RdmaKind];

function createdKind(args: Arguments<'create'>): RdmaKind {
  const kind = Object.keys(args).find((key) => key in LOWER);
  if (kind === undefined) throw new CaseDefect(`nothing to create in ${Object.keys(args)}`);
  return kind as RdmaKind;
}

/** What objects are made from, as references; of a wq-table several. */
interface Wanted {
  readonly [name: string]: unknown;
  readonly wqs?: readonly unknown[];
}

/** The session of what the object is made from, unless the step names another. */
function ownerOf(want: Wanted, context: PointContext): SessionValue {
  if (context.on !== undefined) return context.on;
  const from = want['pd'] ?? want['xrcd'] ?? want['qp'] ?? want['channel'] ?? want.wqs?.[0];
  return typeof from === 'string' ? rdmaOf(from, context.scope).owner : context.session;
}

export function destroy(args: Arguments<'destroy'>, context: PointContext): VerbResult {
  const value = rdmaOf(args.object, context.scope);
  const session = context.on ?? value.owner;
  const outcome = verbsOf(session).destroy(value.life.newest, howOf(args, context.scope));
  if (!outcome.ok) return refused(outcome);
  if (isSameFile(session, value.owner)) value.life.destroyed = true;
  return gaveFields(outcome.value);
}

/** enum ib_mr_rereg_flags. Source: include/rdma/ib_verbs.h */
const REREGISTER_FLAGS = { none: 0, translation: 1, pd: 2, access: 4 };

export function reregister(args: Arguments<'reregister'>, context: PointContext): VerbResult {
  const { scope } = context;
  const old = rdmaOf(args.mr, scope, ...MR_KINDS);
  const moved = args.mapping !== undefined;
  const change = present({
    ...(moved ? rangeOf(args, scope) : {}),
    flags: bitsOf(REREGISTER_FLAGS, args.change, 'flag', scope),
    pd: args.pd === undefined ? undefined : rdmaOf(args.pd, scope, 'pd').object,
    access: args.access === undefined ? undefined : accessBits(args.access, scope),
  });
  const verbs = verbsFor(old, context);
  const outcome = verbs.reregisterMr(old.life.newest, change, howOf(args, scope));
  if (!outcome.ok) return refused(outcome);
  return gave(changedRdma(old, outcome.value, moved ? memoryOf(args, scope) : old.memory));
}

export function resizeCq(args: Arguments<'resizeCq'>, context: PointContext): VerbResult {
  const { scope } = context;
  const old = rdmaOf(args.cq, scope, 'cq');
  const entries = numberOf(args.entries, scope);
  const outcome = verbsFor(old, context).resizeCq(old.life.newest, entries, howOf(args, scope));
  return outcome.ok ? gave(changedRdma(old, outcome.value)) : refused(outcome);
}

export function attachMulticast(
  args: Arguments<'attachMulticast'>,
  context: PointContext,
): VerbResult {
  const { value, gid, lid } = groupOf(args, context.scope);
  const verbs = verbsFor(value, context);
  const outcome = verbs.attachMulticast(value.object, gid, lid, howOf(args, context.scope));
  return outcome.ok ? gaveFields(outcome.value) : refused(outcome);
}

export function detachMulticast(
  args: Arguments<'detachMulticast'>,
  context: PointContext,
): VerbResult {
  const { value, gid, lid } = groupOf(args, context.scope);
  const verbs = verbsFor(value, context);
  const outcome = verbs.detachMulticast(value.object, gid, lid, howOf(args, context.scope));
  return outcome.ok ? gaveFields(outcome.value) : refused(outcome);
}

interface Group {
  readonly value: RdmaValue;
  readonly gid: string;
  readonly lid: number;
}

function groupOf(args: Arguments<'attachMulticast'>, scope: Scope): Group {
  return {
    value: rdmaOf(args.qp, scope, 'qp'),
    gid: String(scope.scalar(args.gid)),
    lid: numberOf(args.lid ?? 0, scope),
  };
}
