import koffi from 'koffi';
import type { CallOutcome } from './call-outcome.ts';
import type { AnyStruct } from './description.ts';
import type { SockaddrIn6 } from './headers/linux/in6.ts';
import type { KernelSockaddrStorage } from './headers/linux/socket.ts';
import { rdma_ucm_cmd_hdr } from './headers/rdma/rdma-user-cm.ts';
import type { Init, Struct } from './layout.ts';
import { CM_COMMANDS, type CmCommand, QUERY_RESPONSES } from './rdma-cm-commands.ts';
import { decodeCm, isAddressField } from './rdma-cm-decode.ts';
import { beginCm, endCm } from './rdma-cm-log.ts';
import { packSocketAddress } from './socket-address.ts';
import { libc, type SysResult } from './sys-call.ts';

/**
 * The RDMA connection manager: commands by write(2) to /dev/infiniband/rdma_cm. A header tells the
 * command and the bytes of request and response; the request holds the address of the response.
 * Source: drivers/infiniband/core/ucma.c, ucma_write()
 */

const HEADER_BYTES = rdma_ucm_cmd_hdr.size;

const rawWrite: (fd: number, bytes: Uint8Array | bigint | null, length: bigint) => number =
  libc.func('long write(int fd, void *buf, size_t n)');

/** Elements that a query of paths or services has room for: the kernel gives at most two paths. */
const LIST_ROOM = 4;

type Sockaddr = SockaddrIn6 | KernelSockaddrStorage;
type Request<C extends CmCommand> =
  (typeof CM_COMMANDS)[C]['request'] extends Struct<infer T> ? T : never;
type Response<C extends CmCommand> = (typeof CM_COMMANDS)[C] extends {
  readonly response?: Struct<infer T>;
}
  ? T
  : never;

/** Members of the request; socket addresses may be text, an option's value may be bytes. */
export type CmFields<C extends CmCommand> = {
  readonly [K in keyof Request<C>]?: Request<C>[K] extends Sockaddr
    ? string | Init<Request<C>[K]>
    : K extends 'optval'
      ? bigint | Uint8Array
      : Init<Request<C>[K]>;
};

/** Members of the response, socket addresses as text; nothing for commands that answer nothing. */
export type CmAnswer<C extends CmCommand> = {
  readonly [K in keyof Response<C>]: Response<C>[K] extends Sockaddr ? string : Response<C>[K];
};

/** What a conformance case says about the call that the structs do not. */
export interface CmOverrides {
  readonly cmd?: number;
  /** Bytes of the request behind the header. */
  readonly in?: number;
  /** Bytes of room for the response. */
  readonly out?: number;
}

/** A command ready to be written. */
export interface CmCall {
  readonly name: CmCommand;
  /** Header and request. */
  readonly bytes: Buffer;
  /** Where the kernel answers; empty for commands that answer nothing. */
  readonly response: Buffer;
  readonly responseStruct: AnyStruct | undefined;
  /** Memory that the request points to: kept alive until the call is over. */
  readonly pointees: readonly Uint8Array[];
}

/**
 * Builds a command without making the call.
 *
 * @param fields by member or path (`conn_param.qp_num`). A `response` given here replaces the
 * address of the response buffer.
 */
export function buildCm(
  command: CmCommand,
  fields: Readonly<Record<string, unknown>> = {},
  overrides: CmOverrides = {},
): CmCall {
  const { number } = CM_COMMANDS[command];
  const request: AnyStruct = CM_COMMANDS[command].request;
  const responseStruct = responseOf(command, fields);
  const size = responseStruct === undefined ? 0 : responseSize(responseStruct);
  const response = Buffer.alloc(Math.max(size, overrides.out ?? 0));
  const bytes = Buffer.alloc(HEADER_BYTES + request.size);
  rdma_ucm_cmd_hdr.make({ cmd: number, in: request.size, out: size, ...overrides }).copy(bytes);
  const body = bytes.subarray(HEADER_BYTES);
  const pointees = fill(request, body, fields);
  if (fields['response'] === undefined && size > 0) {
    request.set(body, 'response', koffi.address(response));
  }
  return { name: command, bytes, response, responseStruct, pointees };
}

function responseOf(command: CmCommand, fields: Readonly<Record<string, unknown>>) {
  if (command !== 'RDMA_USER_CM_CMD_QUERY') return CM_COMMANDS[command].response;
  const option = Number(fields['option'] ?? 0);
  const others: Readonly<Record<number, AnyStruct>> = QUERY_RESPONSES;
  return others[option] ?? CM_COMMANDS[command].response;
}

/** Of a flexible array a few elements. */
function responseSize(struct: AnyStruct): number {
  const last = struct.fields.at(-1);
  const flexible = last?.kind === 'array' && last.flexible;
  return struct.size + (flexible ? LIST_ROOM * last.element.size : 0);
}

/** Members that tell the length of an address, by the address. */
const SIZE_OF: Readonly<Record<string, string>> = {
  addr: 'addr_size',
  src_addr: 'src_size',
  dst_addr: 'dst_size',
};

/**
 * Writes the members; lengths of addresses and options follow from them, unless they are given.
 *
 * @returns the memory that members point to
 */
function fill(
  request: AnyStruct,
  body: Buffer,
  fields: Readonly<Record<string, unknown>>,
): Uint8Array[] {
  const pointees: Uint8Array[] = [];
  for (const [path, value] of Object.entries(fields)) {
    const { field } = request.field(path);
    if (typeof value === 'string' && isAddressField(field)) {
      const address = packSocketAddress(value);
      request.bytes(body, path).fill(0).set(address);
      const size = SIZE_OF[path] ?? '';
      if (request.has(size) && fields[size] === undefined) request.set(body, size, address.length);
    } else if (path === 'optval' && value instanceof Uint8Array) {
      pointees.push(value);
      request.set(body, path, koffi.address(value));
      if (fields['optlen'] === undefined) request.set(body, 'optlen', value.length);
    } else {
      request.set(body, path, value);
    }
  }
  return pointees;
}

/**
 * Makes the call. Never throws on errno.
 *
 * @param place where the command is written from: its own bytes, or an address that may be a bad one
 * @param lengthBytes what write(2) is told
 * @returns on success `ret` is the length
 */
export function writeCm(
  fd: number,
  call: CmCall,
  place: Uint8Array | bigint | null = call.bytes,
  lengthBytes = call.bytes.length,
): SysResult {
  const slot = beginCm(call.name, fd, place);
  const ret = rawWrite(fd, place, BigInt(lengthBytes));
  const errno = ret < 0 ? koffi.errno() : 0;
  endCm(slot, { ret, errno }, call.bytes, call.response);
  return { ret, errno };
}

/** The members of the response, socket addresses as text. */
export function cmResponse(call: CmCall): Record<string, unknown> {
  return call.responseStruct === undefined ? {} : decodeCm(call.responseStruct, call.response);
}

/**
 * One command of the RDMA CM.
 *
 * @param fd /dev/infiniband/rdma_cm, opened by a process with the caller's credentials: EACCES else
 * @param fields a member that is not given is zero; `response` is filled in
 * @returns EINVAL for an unknown command or an id of another file, ENOSYS for GET_OPTION, ENOENT for
 * an unknown id, EAGAIN from GET_EVENT on a non-blocking file
 */
export function tryCm<C extends CmCommand>(
  fd: number,
  command: C,
  fields: CmFields<C>,
  overrides?: CmOverrides,
): CallOutcome<CmAnswer<C>>;
export function tryCm(
  fd: number,
  command: CmCommand,
  fields: Readonly<Record<string, unknown>>,
  overrides: CmOverrides = {},
): CallOutcome<Record<string, unknown>> {
  const call = buildCm(command, fields, overrides);
  const { errno } = writeCm(fd, call);
  if (errno !== 0) return { ok: false, errno, call: command };
  return { ok: true, value: cmResponse(call) };
}
