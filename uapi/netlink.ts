import { read as readFd, write as writeFd } from 'node:fs';
import { promisify } from 'node:util';
import { SOCK_CLOEXEC, SOCK_NONBLOCK } from './constants.ts';
import { E, errnoNumber } from './errno.ts';
import { nlmsghdr } from './headers/linux/netlink.ts';
import {
  encodeRequest,
  type NetlinkMessage,
  NetlinkReply,
  type NetlinkRequest,
} from './netlink-message.ts';
import { tryClose, tryRead, tryWrite } from './sys.ts';
import type { Outcome } from './sys-call.ts';
import { trySocket } from './sys-socket.ts';

/** Source: include/linux/socket.h; the same on all architectures but MIPS (SOCK_RAW). */
const AF_NETLINK = 16;
const SOCK_RAW = 3;

/**
 * More than the kernel puts into one datagram, so that none is cut.
 * Source: net/netlink/af_netlink.c, netlink_dump(): at most 32 KiB
 */
const DATAGRAM_BYTES = 65_536;

const writeLater = promisify(writeFd);
const readLater = promisify(readFd);

/**
 * A netlink socket that talks with the kernel: one request at a time, and its whole reply. Nothing is
 * bound and nobody is connected to, so plain write(2) and read(2) do. The kernel answers before the
 * write returns, so that a read that would have to wait has nothing to wait for: it gives EAGAIN.
 * Source: net/netlink/af_netlink.c, netlink_unicast_kernel()
 */
export class NetlinkSocket implements Disposable {
  readonly fd: number;
  readonly #datagram = Buffer.alloc(DATAGRAM_BYTES);
  readonly #requests = new WeakMap<NetlinkRequest, Buffer>();
  #sequence = 0;
  /** Ends when the last request that was asked for has its reply. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(fd: number) {
    this.fd = fd;
  }

  /**
   * @param protocol NETLINK_*
   * @returns EPROTONOSUPPORT where the kernel has no such family, loaded or to be loaded
   */
  static tryOpen(protocol: number): Outcome<NetlinkSocket> {
    const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const { ret, errno } = trySocket(AF_NETLINK, type, protocol);
    return errno === 0 ? { ok: true, value: new NetlinkSocket(ret) } : { ok: false, errno };
  }

  /** Asks and waits. The errno is that of the call or the one that the kernel answered. */
  tryRequest(request: NetlinkRequest): Outcome<readonly NetlinkMessage[]> {
    const reply = new NetlinkReply(++this.#sequence);
    const sent = tryWrite(this.fd, this.#encoded(request, this.#sequence));
    if (sent.errno !== 0) return { ok: false, errno: sent.errno };
    return this.#readAll(reply);
  }

  /** The bytes of a request, which is often made again, with the number of this time. */
  #encoded(request: NetlinkRequest, sequence: number): Buffer {
    const known = this.#requests.get(request);
    const bytes = known ?? encodeRequest(request, sequence);
    if (known === undefined) this.#requests.set(request, bytes);
    else nlmsghdr.set(bytes, 'nlmsg_seq', sequence);
    return bytes;
  }

  #readAll(reply: NetlinkReply): Outcome<readonly NetlinkMessage[]> {
    for (;;) {
      const { ret, errno } = tryRead(this.fd, this.#datagram);
      if (errno !== 0) return { ok: false, errno };
      if (reply.add(this.#datagram.subarray(0, ret))) return reply.outcome();
    }
  }

  /**
   * Asks without blocking the thread: the kernel answers in the caller's context, and a driver that
   * hangs with a lock would hang us too. After a limit that the caller keeps the socket is not to be
   * used again. Requests wait for each other: who read beside another would take its reply.
   */
  requestLater(request: NetlinkRequest): Promise<Outcome<readonly NetlinkMessage[]>> {
    const mine = this.#turn.then(() => this.#exchange(request));
    this.#turn = mine;
    return mine;
  }

  async #exchange(request: NetlinkRequest): Promise<Outcome<readonly NetlinkMessage[]>> {
    const sequence = ++this.#sequence;
    const reply = new NetlinkReply(sequence);
    try {
      await writeLater(this.fd, encodeRequest(request, sequence));
      // The answer is here. Only a list goes on being made as it is read.
      if (request.isDump !== true) return this.#readAll(reply);
      for (;;) {
        const { bytesRead } = await readLater(this.fd, this.#datagram, 0, DATAGRAM_BYTES, null);
        if (reply.add(this.#datagram.subarray(0, bytesRead))) return reply.outcome();
      }
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      return { ok: false, errno: errnoNumber(code) ?? E.EIO };
    }
  }

  [Symbol.dispose](): void {
    tryClose(this.fd);
  }
}

/** Asks once, on a socket of its own. The errno is that of the call or the one that the kernel answered. */
export function tryNetlink(
  protocol: number,
  request: NetlinkRequest,
): Outcome<readonly NetlinkMessage[]> {
  const opened = NetlinkSocket.tryOpen(protocol);
  if (!opened.ok) return opened;
  using socket = opened.value;
  return socket.tryRequest(request);
}
