import koffi from 'koffi';
import { beginCall, endCall } from './call-log.ts';
import {
  AF_UNIX,
  MSG_CMSG_CLOEXEC,
  MSG_NOSIGNAL,
  SCM_RIGHTS,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
  SOL_SOCKET,
} from './constants.ts';
import { libc, mustGive, mustSucceed, type Outcome, type SysResult } from './sys-call.ts';

/**
 * Sockets, and passing fds between processes through Unix sockets. 64-bit layouts only. Netlink is in
 * netlink.ts.
 */

const rawSocket: (domain: number, type: number, protocol: number) => number = libc.func(
  'int socket(int domain, int type, int protocol)',
);
const rawSocketpair: (domain: number, type: number, protocol: number, fds: Uint8Array) => number =
  libc.func('int socketpair(int domain, int type, int protocol, void *fds)');
const rawSendmsg: (fd: number, message: Uint8Array, flags: number) => number = libc.func(
  'long sendmsg(int fd, void *message, int flags)',
);
const rawRecvmsg: (fd: number, message: Uint8Array, flags: number) => number = libc.func(
  'long recvmsg(int fd, void *message, int flags)',
);

/** socket(2); ret is the fd. */
export function trySocket(domain: number, type: number, protocol: number): SysResult {
  const slot = beginCall('socket', -1, [domain, type, protocol]);
  const ret = rawSocket(domain, type, protocol);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** socketpair(2): both ends. */
export function trySocketpair(
  type = SOCK_SEQPACKET | SOCK_CLOEXEC,
): Outcome<readonly [number, number]> {
  const fds = Buffer.alloc(8);
  const slot = beginCall('socketpair', -1, [AF_UNIX, type]);
  const ret = rawSocketpair(AF_UNIX, type, 0, fds);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno, fds);
  if (ret < 0) return { ok: false, errno };
  return { ok: true, value: [fds.readInt32LE(0), fds.readInt32LE(4)] };
}

/** socketpair(2): both ends. */
export function socketpair(type = SOCK_SEQPACKET | SOCK_CLOEXEC): readonly [number, number] {
  return mustGive(trySocketpair(type), { call: 'socketpair', argument: () => `type=${type}` });
}

// Offsets in one block that holds a struct msghdr (56 bytes), its iovec (16), the control message
// and the data. One block, because a pointee's bare address would not keep it from being collected.
// musl has narrower lengths with padding behind them: the same bytes on a little-endian machine.
const IOV_POINTER = 16;
const IOV_COUNT = 24;
const CONTROL_POINTER = 32;
const CONTROL_LENGTH = 40;
const IOVEC = 56;
const CONTROL = 72;
/** Bytes of struct cmsghdr: size_t length, int level, int type. */
const CMSG_HEADER = 16;

interface Message {
  readonly block: Buffer;
  readonly dataAt: number;
}

function makeMessage(dataBytes: number, fdCount: number): Message {
  const controlBytes = fdCount === 0 ? 0 : CMSG_HEADER + Math.ceil((fdCount * 4) / 8) * 8;
  const dataAt = CONTROL + controlBytes;
  const block = Buffer.alloc(dataAt + dataBytes);
  const address = koffi.address(block);
  block.writeBigUInt64LE(address + BigInt(IOVEC), IOV_POINTER);
  block.writeBigUInt64LE(1n, IOV_COUNT);
  block.writeBigUInt64LE(address + BigInt(dataAt), IOVEC);
  block.writeBigUInt64LE(BigInt(dataBytes), IOVEC + 8);
  if (controlBytes > 0) block.writeBigUInt64LE(address + BigInt(CONTROL), CONTROL_POINTER);
  block.writeBigUInt64LE(BigInt(controlBytes), CONTROL_LENGTH);
  return { block, dataAt };
}

/**
 * Sends data and copies of fds (SCM_RIGHTS). ret is the bytes of data sent; a stream socket needs
 * at least one for the fds to travel. EPIPE comes as an errno, not as SIGPIPE.
 */
export function trySendFds(sock: number, data: Uint8Array, fds: readonly number[]): SysResult {
  const { block, dataAt } = makeMessage(data.length, fds.length);
  block.set(data, dataAt);
  if (fds.length > 0) {
    block.writeBigUInt64LE(BigInt(CMSG_HEADER + fds.length * 4), CONTROL);
    block.writeInt32LE(SOL_SOCKET, CONTROL + 8);
    block.writeInt32LE(SCM_RIGHTS, CONTROL + 12);
    for (const [i, fd] of fds.entries()) block.writeInt32LE(fd, CONTROL + CMSG_HEADER + i * 4);
  }
  const slot = beginCall('sendmsg', sock, fds, data);
  const ret = rawSendmsg(sock, block, MSG_NOSIGNAL);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** Sends data and copies of fds: the bytes of data sent. */
export function sendFds(sock: number, data: Uint8Array, fds: readonly number[]): number {
  const argument = () => `${data.length} bytes, fds ${fds.join(' ')}`;
  return mustSucceed(trySendFds(sock, data, fds), { call: 'sendmsg', fd: sock, argument });
}

export interface ReceivedFds {
  /** Empty when the other end is closed. */
  readonly data: Buffer;
  /** Close-on-exec, and the receiver's to close. Those that did not fit the kernel has closed. */
  readonly fds: readonly number[];
}

/** Receives data and fds; waits for them unless the socket is non-blocking. */
export function tryRecvFds(sock: number, maxBytes: number, maxFds: number): Outcome<ReceivedFds> {
  const { block, dataAt } = makeMessage(maxBytes, maxFds);
  const slot = beginCall('recvmsg', sock, [maxBytes, maxFds]);
  const ret = rawRecvmsg(sock, block, MSG_CMSG_CLOEXEC);
  const errno = ret < 0 ? koffi.errno() : 0;
  const data = Buffer.alloc(Math.max(0, ret));
  block.copy(data, 0, dataAt, dataAt + data.length);
  endCall(slot, ret, errno, data);
  if (ret < 0) return { ok: false, errno };
  return { ok: true, value: { data, fds: receivedFds(block) } };
}

/** Receives data and fds. */
export function recvFds(sock: number, maxBytes: number, maxFds: number): ReceivedFds {
  const argument = () => `up to ${maxBytes} bytes and ${maxFds} fds`;
  return mustGive(tryRecvFds(sock, maxBytes, maxFds), { call: 'recvmsg', fd: sock, argument });
}

/** The fds of the one control message that there can be. */
function receivedFds(block: Buffer): number[] {
  const controlBytes = Number(block.readBigUInt64LE(CONTROL_LENGTH));
  if (controlBytes < CMSG_HEADER) return [];
  const isRights =
    block.readInt32LE(CONTROL + 8) === SOL_SOCKET && block.readInt32LE(CONTROL + 12) === SCM_RIGHTS;
  if (!isRights) return [];
  const count = Math.floor((Number(block.readBigUInt64LE(CONTROL)) - CMSG_HEADER) / 4);
  return Array.from({ length: count }, (_, i) => block.readInt32LE(CONTROL + CMSG_HEADER + i * 4));
}
