import type { Facts } from '../../../providers/contract-verbs.ts';
import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { description } from '../../../uapi/headers/rdma/ib-user-ioctl-cmds.ts';
import { description as mlx5 } from '../../../uapi/headers/rdma/mlx5-user-ioctl-cmds.ts';
import { CaseDefect } from '../values.ts';
import {
  type Arguments,
  gaveFields,
  type PointContext,
  refused,
  type VerbResult,
} from '../verb.ts';
import { flagOf, howOf, numberOf, present } from './rdma-arguments.ts';
import { rdmaOf, verbsFor, verbsOf } from './rdma-held.ts';

/** Verbs that ask a device, a port or an object what it is. */

/** Facts as the fields of a step's result. */
export function gaveFacts(outcome: CallOutcome<Facts>): VerbResult {
  return outcome.ok ? gaveFields(outcome.value) : refused(outcome);
}

export function query(args: Arguments<'query'>, context: PointContext): VerbResult {
  const value = rdmaOf(args.object, context.scope);
  return gaveFacts(verbsFor(value, context).query(value.life.newest, howOf(args, context.scope)));
}

export function queryDevice(args: Arguments<'queryDevice'>, context: PointContext): VerbResult {
  const { scope } = context;
  const how = { ...howOf(args, scope), ...present({ extended: flagOf(args.extended, scope) }) };
  return gaveFacts(verbsOf(context.session).queryDevice(how));
}

export function queryPort(args: Arguments<'queryPort'>, context: PointContext): VerbResult {
  const port = numberOf(args.port ?? 1, context.scope);
  return gaveFacts(verbsOf(context.session).queryPort(port, howOf(args, context.scope)));
}

export function queryPortSpeed(
  args: Arguments<'queryPortSpeed'>,
  context: PointContext,
): VerbResult {
  const port = numberOf(args.port ?? 1, context.scope);
  return gaveFacts(verbsOf(context.session).queryPortSpeed(port));
}

export function queryGid(args: Arguments<'queryGid'>, context: PointContext): VerbResult {
  const port = numberOf(args.port ?? 1, context.scope);
  const index = numberOf(args.index, context.scope);
  return gaveFacts(verbsOf(context.session).queryGid(port, index));
}

export function queryGidTable(
  _args: Arguments<'queryGidTable'>,
  context: PointContext,
): VerbResult {
  return gaveFacts(verbsOf(context.session).queryGidTable());
}

export function queryCharDevice(
  { client, port }: Arguments<'queryCharDevice'>,
  context: PointContext,
): VerbResult {
  const number = numberOf(port, context.scope);
  return gaveFacts(verbsOf(context.session).queryCharDevice(client ?? 'uverbs', number));
}

export function infoHandles(args: Arguments<'infoHandles'>, context: PointContext): VerbResult {
  const name = String(context.scope.scalar(args.object));
  return gaveFacts(verbsOf(context.session).infoHandles(objectId(name)));
}

/** A name of enum uverbs_default_objects or of a driver's objects, or the number of one that does not exist. */
function objectId(name: string): number {
  if (/^\d/.test(name)) return Number(name);
  const id = description.constants[name] ?? mlx5.constants[name];
  if (typeof id === 'number') return id;
  throw new CaseDefect(`${name} is no UVERBS_OBJECT_… of rdma/ib_user_ioctl_cmds.h`);
}
