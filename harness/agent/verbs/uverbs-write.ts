import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import type { WriteCommand } from '../../../uapi/rdma/description.ts';
import {
  commandNumber,
  encodeWriteHeader,
  tryRawWrite,
  tryWriteCommand,
  type WriteAnswer,
  type WriteHeader,
} from '../../../uapi/rdma/uverbs-write.ts';
import { addressOf } from '../../../uapi/rdma/verbs-argument.ts';
import { commandsByName } from '../../uverbs-names.ts';
import { patternBytes } from '../pattern.ts';
import { CaseDefect, type Fields } from '../values.ts';
import {
  type Arguments,
  gaveFields,
  type PointContext,
  provided,
  refused,
  type VerbResult,
} from '../verb.ts';
import { holdMade, type Target, targetOf } from './uverbs-made.ts';
import { decoded, inOrder, numberOf, placeAt, Room, replaced, structOf } from './uverbs-value.ts';

/** Room for the driver's answer: more than any driver gives, and all take more than they need. */
const DRIVER_ROOM_BYTES = 256;

/** One command of the write interface, right or wrong in any part. */
export function uverbsWrite(args: Arguments<'uverbsWrite'>, context: PointContext): VerbResult {
  const command = commandOf(String(context.scope.scalar(args.command)));
  const { driverId } = provided(context.session.session.verbs, 'verbs', context.session);
  const target = targetOf(args.fd, context);
  const outcome = give(target.fd, command, args, driverId, context);
  if (!outcome.ok) return refused(outcome);
  const { response } = outcome.value;
  holdObject(command, response, target, driverId, context);
  const { value, tail } = decoded(response, command.response);
  const fields = typeof value === 'object' ? (value as Fields) : {};
  return gaveFields({ ...fields, tail, bytes: inOrder(response) });
}

function commandOf(name: string): WriteCommand {
  const command = commandsByName().get(name);
  if (command !== undefined) return command;
  throw new CaseDefect(`there is no command ${name}`);
}

function give(
  fd: number,
  command: WriteCommand,
  args: Arguments<'uverbsWrite'>,
  driverId: number,
  context: PointContext,
): CallOutcome<WriteAnswer> {
  const via = String(context.scope.scalar(args.via ?? 'write')) === 'invoke' ? 'invoke' : 'write';
  const { header, count, responseAt, request, response } = args;
  const isPlain = [header, count, responseAt, request, response].every((one) => one === undefined);
  if (!isPlain && via === 'write') return giveRaw(fd, command, args, context);
  if (header !== undefined || count !== undefined || responseAt !== undefined) {
    throw new CaseDefect('INVOKE_WRITE has no header and no response pointer; use uverbs for it');
  }
  return tryWriteCommand(fd, command, {
    request: requestOf(command, args, context),
    responseSize: sizeIn(response, command.response?.size ?? 0, context),
    udataOutSize: driverRoomOf(command, args),
    via,
    driverId,
  });
}

function driverRoomOf(command: WriteCommand, args: Arguments<'uverbsWrite'>): number {
  // rxe_verbs.c, rxe_query_device(): a query that brings room for the driver is refused.
  const wants = command.udataOut && !command.name.includes('QUERY');
  return wants && args.response === undefined ? DRIVER_ROOM_BYTES : 0;
}

function sizeIn(size: number | string | undefined, right: number, context: PointContext): number {
  return replaced(right, size, context);
}

/** The struct, cut or continued to the size that the step asks for. */
function requestOf(
  command: WriteCommand,
  args: Arguments<'uverbsWrite'>,
  context: PointContext,
): Buffer {
  const head = structOf(command.request, args.fields ?? {}, context);
  if (args.request === undefined) return head;
  const size = replaced(head.length, args.request, context);
  const pattern = args.tail === undefined ? 'zero' : String(context.scope.scalar(args.tail));
  const tail = patternBytes(pattern, 0n, Math.max(0, size - head.length));
  return Buffer.concat([head, tail]).subarray(0, size);
}

/** The command with any part of its header replaced, and a fence behind the response. */
function giveRaw(
  fd: number,
  command: WriteCommand,
  args: Arguments<'uverbsWrite'>,
  context: PointContext,
): CallOutcome<WriteAnswer> {
  const request = requestOf(command, args, context);
  const size = sizeIn(args.response, command.response?.size ?? 0, context);
  const room = new Room(size + driverRoomOf(command, args));
  const { responseAt } = args;
  const where = responseAt === undefined ? undefined : String(responseAt);
  const placed = where === undefined ? undefined : placeAt(where, room.bytes, context);
  const right = placed?.address ?? addressOf(room.bytes);
  const pointer =
    args.header?.response === undefined ? right : numberOf(args.header.response, context);
  const sizes = { request: request.length, response: size, driver: room.bytes.length - size };
  const header = headerOf(command, sizes, pointer, args.header, context);
  const hasPointer = !command.extended && command.request.has('response') && request.length >= 8;
  if (hasPointer) command.request.set(request, 'response', pointer);
  const bytes = Buffer.concat([encodeWriteHeader(header), request]);
  const count = sizeIn(args.count, bytes.length, context);
  const given = Buffer.concat([bytes, Buffer.alloc(Math.max(0, count - bytes.length))]);
  const outcome = tryRawWrite(fd, given, count);
  placed?.release();
  if (room.overrun !== undefined) throw new CaseDefect(`byte ${room.overrun} changed: too far`);
  if (!outcome.ok) return { ...outcome, call: `write of ${command.name}` };
  const response = room.bytes.subarray(0, size);
  return { ok: true, value: { response, udata: room.bytes.subarray(size) } };
}

interface Sizes {
  readonly request: number;
  readonly response: number;
  readonly driver: number;
}

/** Sizes in whole words; in_words of a plain command counts its header too. */
function headerOf(
  command: WriteCommand,
  { request, response, driver }: Sizes,
  pointer: bigint,
  wanted: Arguments<'uverbsWrite'>['header'] = {},
  context: PointContext,
): WriteHeader {
  const number = replaced(commandNumber(command), wanted.command, context);
  if (!command.extended) {
    return {
      command: number,
      inWords: replaced((8 + request) >> 2, wanted.inWords, context),
      outWords: replaced((response + driver) >> 2, wanted.outWords, context),
    };
  }
  return {
    command: number,
    inWords: replaced(request >> 3, wanted.inWords, context),
    outWords: replaced(response >> 3, wanted.outWords, context),
    extended: {
      response: response + driver > 0 || wanted.response !== undefined ? pointer : 0n,
      providerInWords: replaced(0, wanted.providerInWords, context),
      providerOutWords: replaced(driver >> 3, wanted.providerOutWords, context),
      reserved: replaced(0, wanted.reserved, context),
    },
  };
}

/** Which member of the response names the object that a command made. */
const MADE: readonly (readonly [member: string, object: string, commands: RegExp])[] = [
  ['pd_handle', 'PD', /^ALLOC_PD$/],
  ['mr_handle', 'MR', /^REG_MR$/],
  ['mw_handle', 'MW', /^ALLOC_MW$/],
  ['cq_handle', 'CQ', /CREATE_CQ$/],
  ['base.cq_handle', 'CQ', /CREATE_CQ$/],
  ['qp_handle', 'QP', /^(CREATE|OPEN)_QP$/],
  ['base.qp_handle', 'QP', /CREATE_QP$/],
  ['srq_handle', 'SRQ', /^CREATE_X?SRQ$/],
  ['ah_handle', 'AH', /^CREATE_AH$/],
  ['xrcd_handle', 'XRCD', /^OPEN_XRCD$/],
  ['wq_handle', 'WQ', /CREATE_WQ$/],
  ['ind_tbl_handle', 'RWQ_IND_TBL', /CREATE_RWQ_IND_TBL$/],
  ['flow_handle', 'FLOW', /CREATE_FLOW$/],
];

const MADE_DESCRIPTORS: readonly (readonly [member: string, commands: RegExp])[] = [
  ['async_fd', /^GET_CONTEXT$/],
  ['fd', /^CREATE_COMP_CHANNEL$/],
];

function holdObject(
  command: WriteCommand,
  response: Buffer,
  target: Target,
  driverId: number,
  context: PointContext,
): void {
  const { response: struct, name } = command;
  if (struct === undefined || response.length < struct.size) return;
  const number = (member: string) => Number(struct.get(response, member));
  for (const [member, object, commands] of MADE) {
    if (!commands.test(name) || !struct.has(member)) continue;
    holdMade({ object, handle: number(member) }, target, driverId, context);
  }
  for (const [member, commands] of MADE_DESCRIPTORS) {
    if (commands.test(name)) holdMade({ fd: number(member) }, target, driverId, context);
  }
}
