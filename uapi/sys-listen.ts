import koffi from 'koffi';
import { beginCall, endCall } from './call-log.ts';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM } from './constants.ts';
import { E } from './errno.ts';
import { tryClose } from './sys.ts';
import { libc, mustSucceed, type SysResult } from './sys-call.ts';
import { trySocket } from './sys-socket.ts';

/** Stream sockets that have a place in the file system, the server's side. */

const rawBind: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  'int bind(int fd, const void *address, unsigned int length)',
);
const rawListen: (fd: number, backlog: number) => number = libc.func(
  'int listen(int fd, int backlog)',
);
const rawAccept4: (fd: number, address: null, length: null, flags: number) => number = libc.func(
  'int accept4(int fd, void *address, void *length, int flags)',
);

/** Bytes of a path in struct sockaddr_un, with its end. */
const MAX_PATH_BYTES = 108;

function unixAddress(path: string): Buffer {
  const name = Buffer.from(path);
  if (name.length >= MAX_PATH_BYTES) throw new RangeError(`${path} is too long for a socket`);
  const address = Buffer.alloc(2 + name.length + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  return address;
}

/** bind(2) to a path. */
export function tryBindUnix(fd: number, path: string): SysResult {
  const address = unixAddress(path);
  const slot = beginCall('bind', fd, [], address);
  const ret = rawBind(fd, address, address.length);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** listen(2). */
export function tryListen(fd: number, backlog: number): SysResult {
  const slot = beginCall('listen', fd, [backlog]);
  const ret = rawListen(fd, backlog);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** A socket to which others connect by the path, which must be free; its fd is close-on-exec. */
export function listenUnix(path: string, backlog = 1): number {
  const made = trySocket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const fd = mustSucceed(made, { call: 'socket', argument: () => 'AF_UNIX' });
  const bound = tryBindUnix(fd, path);
  const result = bound.errno === 0 ? tryListen(fd, backlog) : bound;
  if (result.errno !== 0) tryClose(fd);
  mustSucceed(result, { call: 'bind', argument: () => path });
  return fd;
}

/** accept4(2): the fd of the next connection, waited for and close-on-exec. */
export function acceptConnection(fd: number): number {
  for (;;) {
    const slot = beginCall('accept4', fd, [SOCK_CLOEXEC]);
    const ret = rawAccept4(fd, null, null, SOCK_CLOEXEC);
    const errno = ret < 0 ? koffi.errno() : 0;
    endCall(slot, ret, errno);
    if (errno !== E.EINTR)
      return mustSucceed({ ret, errno }, { call: 'accept4', fd, argument: () => '' });
  }
}
