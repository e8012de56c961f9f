import { networkInterfaces } from 'node:os';
import { noAccessPage, readOnlyPage } from '../../../uapi/argument-memory.ts';
import type { Field } from '../../../uapi/description.ts';
import { ipv6Text } from '../../../uapi/ip-address.ts';
import {
  buildCm,
  type CmCall,
  type CmOverrides,
  cmResponse,
  writeCm,
} from '../../../uapi/rdma-cm.ts';
import { CM_COMMANDS, type CmCommand, isCmCommand } from '../../../uapi/rdma-cm-commands.ts';
import { isAddressField } from '../../../uapi/rdma-cm-decode.ts';
import { nextCmEvent, openCm } from '../../../uapi/rdma-cm-events.ts';
import { durationMs } from '../duration.ts';
import { CaseDefect, descriptorOf, type Fields, type Scalar } from '../values.ts';
import {
  type Arguments,
  fdOf,
  gave,
  gaveFields,
  type PointContext,
  refused,
  type VerbResult,
} from '../verb.ts';
import { holdDescriptor } from './device.ts';

/** The RDMA connection manager: commands with named fields, and what may be wrong with them. */

/** An address of the kernel's half: never the caller's. */
const KERNEL_ADDRESS = 0xffff_8000_0000_0000n;

/** What lies behind the room that the header tells, and must lie there afterwards. */
const BEHIND = 0xa5;

const EVENT_TIMEOUT = '5s';

export function cmOpen(_args: Arguments<'cmOpen'>, context: PointContext): VerbResult {
  const { device } = context.session;
  const node = device.otherNodes['cm'];
  if (node === undefined) {
    throw new CaseDefect(
      `${device.address} has no rdma_cm node; the case lacks rdma-cm in "needs"`,
    );
  }
  const opened = openCm(node);
  return opened.ok ? gave(holdDescriptor(context, 'descriptor', opened.value)) : refused(opened);
}

export function cm(args: Arguments<'cm'>, context: PointContext): VerbResult {
  const command = String(context.scope.scalar(args.command));
  if (!isCmCommand(command)) throw new CaseDefect(`${command} is no command of the RDMA CM`);
  const fields = fieldsFor(command, args, context);
  const responseAt = responsePlace(args.responseAt, context);
  try {
    if (responseAt !== undefined) fields['response'] = responseAt.address;
    const overrides = overridesOf(args, context);
    const call = buildCm(command, fields, overrides);
    const room = overrides.out ?? call.response.length;
    call.response.fill(BEHIND, Math.min(room, call.response.length));
    const { errno } = writeCm(fdOf(args.fd, context), call);
    return (
      strayWrite(call, room) ??
      (errno === 0
        ? gaveFields(withGidTexts(cmResponse(call)) as Fields)
        : refused({ errno, call: command }))
    );
  } finally {
    responseAt?.release();
  }
}

function overridesOf(args: Arguments<'cm'>, context: PointContext): CmOverrides {
  const { command, in: bytesIn, out } = args.header ?? {};
  const number = (size: number | string) => Number(context.scope.size(size));
  return {
    ...(command !== undefined && { cmd: number(command) }),
    ...(bytesIn !== undefined && { in: number(bytesIn) }),
    ...(out !== undefined && { out: number(out) }),
  };
}

function fieldsFor(
  command: CmCommand,
  args: Arguments<'cm'>,
  context: PointContext,
): Record<string, unknown> {
  const { request } = CM_COMMANDS[command];
  const fields: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(args.fields ?? {})) {
    fields[path] = fieldValue(request.field(path as `${string}.${string}`).field, value, context);
  }
  return fields;
}

type Given = NonNullable<Arguments<'cm'>['fields']>[string];

/**
 * Lists are bytes or numbers: of `optval` what the address is to lead to. Text is a size, a socket
 * address, or the content of an array of bytes.
 */
function fieldValue(field: Field, value: Given, context: PointContext): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => Number(integer(item, context)));
    return field.name === 'optval' ? Buffer.from(items) : items;
  }
  if (typeof value === 'string' && isAddressField(field)) return addressText(value, context);
  if (typeof value === 'string' && field.kind === 'array') {
    return Buffer.from(String(context.scope.scalar(value)));
  }
  return integer(value, context);
}

function integer(value: Scalar, context: PointContext): number | bigint {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'string') return value;
  if (/^\$[a-zA-Z0-9]+$/.test(value)) {
    const named = context.scope.resolve(value);
    if (typeof named === 'object' && named.kind === 'mapping') return named.mapping.address;
    if (typeof named === 'object') return descriptorOf(named);
  }
  return context.scope.size(value);
}

/**
 * A socket address, a reference to one, or one whose host is a session (`device:7471`): then it is
 * the IP address that the connection manager knows its device by.
 */
function addressText(text: string, context: PointContext): string {
  if (text.startsWith('$')) return String(context.scope.scalar(text));
  const [, name, port = ''] = /^([a-z][a-zA-Z0-9]*)(:\d+)?$/.exec(text) ?? [];
  return name === undefined ? text : `${sessionHost(name, context)}${port}`;
}

function sessionHost(name: string, context: PointContext): string {
  const { device, session } = context.scope.value(`$${name}`, 'session');
  const gid = session.verbs?.localAddress()?.gid ?? '';
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(gid) ?? [];
  const addresses = networkInterfaces()[device.identity['netdev'] ?? ''] ?? [];
  const host = mapped ?? addresses.find(({ family }) => family === 'IPv4')?.address;
  if (host !== undefined) return host;
  throw new CaseDefect(
    `${device.address} has no IPv4 address; the case lacks rdma-port in "needs"`,
  );
}

interface ResponsePlace {
  readonly address: bigint;
  release(): void;
}

const nothing = (): void => {};

function responsePlace(
  where: Arguments<'cm'>['responseAt'],
  context: PointContext,
): ResponsePlace | undefined {
  if (where === undefined) return undefined;
  const named = where.startsWith('$') ? context.scope.resolve(where) : where;
  if (typeof named === 'object') {
    return { address: context.scope.value(where, 'mapping').mapping.address, release: nothing };
  }
  if (named === 'null') return { address: 0n, release: nothing };
  if (named === 'kernel') return { address: KERNEL_ADDRESS, release: nothing };
  if (named !== 'unmapped' && named !== 'read-only') {
    throw new CaseDefect(`${String(named)} is no place for a response`);
  }
  const page = named === 'unmapped' ? noAccessPage() : readOnlyPage(new Uint8Array(1));
  return { address: page.address, release: () => page.unmap() };
}

const GID_BYTES = 16;

/** GIDs as text, as other steps take them. */
function withGidTexts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withGidTexts);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => {
    const isGid = name.endsWith('gid') && Array.isArray(item) && item.length === GID_BYTES;
    return [name, isGid ? ipv6Text(Uint8Array.from(item)) : withGidTexts(item)];
  });
  return Object.fromEntries(entries);
}

/** Bytes behind the room are not the kernel's to write. */
function strayWrite(call: CmCall, room: number): VerbResult | undefined {
  const at = call.response.findIndex((byte, i) => i >= room && byte !== BEHIND);
  if (at < 0) return undefined;
  return {
    kind: 'mismatch',
    expected: `at most ${room} bytes of response`,
    actual: `byte ${at} behind them changed`,
  };
}

export function cmEvent(args: Arguments<'cmEvent'>, context: PointContext): VerbResult {
  const waited = nextCmEvent(fdOf(args.fd, context), durationMs(args.timeout ?? EVENT_TIMEOUT));
  if (!waited.ok) return refused(waited);
  const { event, id, uid, status, param, ece } = waited.value;
  const { qp_num, private_data_len } = param.conn;
  return gaveFields({
    event,
    id,
    uid,
    status,
    qpNum: qp_num,
    privateDataLength: private_data_len,
    privateData: textOf(param.conn.private_data, private_data_len),
    conn: param.conn as Fields,
    ud: withGidTexts(param.ud) as Fields,
    ece: { ...ece },
  });
}

/** Private data up to its end or the padding that the transport gave it. */
function textOf(bytes: readonly number[], length: number): string {
  return Buffer.from(bytes.slice(0, length)).toString('latin1').replace(/\0+$/, '');
}
