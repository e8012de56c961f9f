import { closeSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import type { Provider } from '../../providers/contract.ts';
import { setCallLog } from '../../uapi/call-log.ts';
import { tryClose } from '../../uapi/sys.ts';
import { mustSucceed } from '../../uapi/sys-call.ts';
import { reap, sleepMs } from '../../uapi/sys-child.ts';
import { currentPid, exitNow, fork, tryFork } from '../../uapi/sys-fork.ts';
import { memfdCreate } from '../../uapi/sys-memory.ts';
import { dieWithParent } from '../../uapi/sys-parent.ts';
import { recvFds, sendFds, socketpair } from '../../uapi/sys-socket.ts';
import type { CommandIndex } from './commands.ts';
import { carryOut, startsPeers } from './peer.ts';
import { FORK_ATTEMPTS, liveAsPeer } from './peer-process.ts';
import type { PeerOrder } from './peer-protocol.ts';

/** What a peer works with, all of it loaded: a forked process cannot load anything. */
export interface PeerSupport {
  readonly providers: ReadonlyMap<string, Provider>;
  readonly commands: Pick<CommandIndex, 'find' | 'struct'>;
}

const MAX_FDS = 128;
const PID_BYTES = 4;
const READY = Uint8Array.of(1);

/**
 * Starts processes for the steps of its maker, as siblings of itself, so that they are the maker's
 * children. It is forked while the maker has no device open: what it starts shares nothing with the
 * maker but what is handed over, as if it were a program of its own, and yet is there in a
 * millisecond instead of the time that a runtime takes to start.
 */
export class ForkServer {
  readonly #socket: number;
  readonly #pid: number;
  readonly #maker = currentPid();

  private constructor(pid: number, socket: number) {
    this.#pid = pid;
    this.#socket = socket;
  }

  /** Whether what it starts would be this process's children: not in a fork of its maker. */
  get isOurs(): boolean {
    return currentPid() === this.#maker;
  }

  static start(support: PeerSupport): ForkServer {
    for (let attempt = 1; ; attempt++) {
      const [near, far] = socketpair();
      const maker = currentPid();
      const pid = fork();
      if (pid === 0) {
        tryClose(near);
        serve(far, maker, support);
      }
      tryClose(far);
      const server = new ForkServer(pid, near);
      const isUp = recvFds(near, READY.length, 0).data.length > 0;
      if (isUp || attempt === FORK_ATTEMPTS) return server;
      server.close();
    }
  }

  /**
   * @param ends how the process is to end
   * @returns its id
   */
  start(order: PeerOrder, ends: string, files: PeerFiles): number {
    const request = memfdCreate('uapi-conform-order');
    // Opened anew: the file's own position, from which the process reads, stays at the start.
    writeFileSync(`/proc/self/fd/${request}`, JSON.stringify({ order, ends } satisfies Request));
    sendFds(this.#socket, new Uint8Array(1), [
      request,
      files.output,
      files.socket,
      ...files.handed,
    ]);
    closeSync(request);
    const reply = unpack(recvFds(this.#socket, 2 * PID_BYTES, 0).data);
    return mustSucceed(reply, { call: 'clone', argument: () => 'by the fork server' });
  }

  close(): void {
    tryClose(this.#socket);
    process.kill(this.#pid, 'SIGKILL');
    while (reap(this.#pid) === undefined) sleepMs(1);
  }
}

/** Descriptors that a process gets. */
export interface PeerFiles {
  /** What it says goes there. */
  readonly output: number;
  /** What it gives back goes there. */
  readonly socket: number;
  /** Those of the order's values, by place. */
  readonly handed: readonly number[];
}

interface Request {
  readonly order: PeerOrder;
  readonly ends: string;
}

/**
 * The server's whole life; it ends when nobody holds the other end of the socket any more. The
 * runtime's own descriptors stay open: it writes to them at times, and aborts when it cannot.
 */
function serve(socket: number, maker: number, support: PeerSupport): never {
  try {
    dieWithParent(maker);
    nameProcess('fork-server');
    setCallLog(undefined);
    sendFds(socket, READY, []);
    for (;;) {
      const { data, fds } = recvFds(socket, 1, MAX_FDS);
      if (data.length === 0) return exitNow(0);
      const forked = tryFork('sibling');
      if (forked.ret === 0) return live(socket, maker, support, fds);
      for (const fd of fds) tryClose(fd);
      sendFds(socket, pack(forked), []);
    }
  } catch (error) {
    writeSync(2, `${String(error)}\n`);
    return exitNow(1);
  }
}

function live(
  server: number,
  parent: number,
  support: PeerSupport,
  [request = -1, output = -1, socket = -1, ...handed]: readonly number[],
): never {
  tryClose(server);
  nameProcess('peer');
  const { order, ends } = JSON.parse(readFileSync(request, 'utf8')) as Request;
  tryClose(request);
  return liveAsPeer({ output, parent, ends }, (entering) => {
    const forks = startsPeers(order.steps) ? ForkServer.start(support) : undefined;
    return carryOut(order, { support, handed, socket, forks, entering });
  });
}

/** For whoever looks at processes, or at the report of one that hangs. */
function nameProcess(name: string): void {
  writeFileSync('/proc/self/comm', name);
}

function pack({ ret, errno }: { readonly ret: number; readonly errno: number }): Buffer {
  const reply = Buffer.alloc(2 * PID_BYTES);
  reply.writeInt32LE(ret);
  reply.writeInt32LE(errno, PID_BYTES);
  return reply;
}

function unpack(reply: Buffer) {
  if (reply.length === 0) throw new Error('the fork server is gone');
  return { ret: reply.readInt32LE(), errno: reply.readInt32LE(PID_BYTES) };
}
