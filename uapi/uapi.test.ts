import { execFileSync, spawnSync } from 'node:child_process';
import { constants as nodeConstants } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { CallLog, setCallLog } from './call-log.ts';
import * as constants from './constants.ts';
import { E, errnoName, errnoNumber, isKernelInternalErrno } from './errno.ts';
import { UapiError } from './error.ts';
import { Fd } from './fd.ts';
import { command, u32 } from './fields.ts';
import { decodeIoc, encodeIoc } from './ioc.ts';
import { ioctl, tryIoctl } from './ioctl.ts';
import { Struct } from './layout.ts';
import { close, open, openat2, pread, pwrite, read, tryClose, tryOpen, tryOpenat2 } from './sys.ts';
import * as file from './sys-file.ts';
import { memfdCreate } from './sys-memory.ts';
import { poll, tryPoll } from './sys-poll.ts';
import { pidfdGetfd, pidfdOpen, tryPidfdOpen } from './sys-process.ts';
import { recvFds, sendFds, socketpair, tryRecvFds, trySendFds } from './sys-socket.ts';

const { O_RDONLY, O_RDWR, O_CLOEXEC, POLLIN, POLLOUT, POLLNVAL, POLLHUP } = constants;

const entropy = new Struct<{ count: number }>({
  name: 'entropy',
  size: 4,
  size32: 4,
  fields: () => [u32('count', 0)],
});
const RNDGETENTCNT = command('RNDGETENTCNT', 0x80045200, 0x80045200, 'int', entropy);

/** A number that surely is no open fd. */
function closedFd(): number {
  const fd = file.dup3(0, 900);
  close(fd);
  return fd;
}

function thrown(action: () => unknown): UapiError {
  try {
    action();
  } catch (error) {
    if (error instanceof UapiError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

t.test('errno names and numbers agree with Node', async (t) => {
  for (const [name, number] of Object.entries(nodeConstants.errno)) {
    t.equal(errnoNumber(name), number, name);
  }
  for (const [name, number] of Object.entries(E)) t.equal(errnoNumber(name), number, name);
});

t.test('an errno has one name, and an unknown one says its number', async (t) => {
  for (const [number, name] of [
    [22, 'EINVAL'],
    [11, 'EAGAIN'],
    [35, 'EDEADLK'],
    [95, 'EOPNOTSUPP'],
    [524, 'ENOTSUPP'],
    [599, 'errno 599'],
  ] as const) {
    t.equal(errnoName(number), name);
  }
  t.equal(errnoNumber('ENONSENSE'), undefined);
  t.ok(isKernelInternalErrno(515));
  t.notOk(isKernelInternalErrno(E.EINVAL));
});

t.test('command numbers are taken apart and put together', async (t) => {
  for (const [request, parts] of [
    [0x80045200, { direction: 2, type: 0x52, nr: 0, size: 4 }],
    [0x40086409, { direction: 1, type: 0x64, nr: 9, size: 8 }],
    [0xc0106407, { direction: 3, type: 0x64, nr: 7, size: 16 }],
    [0x641e, { direction: 0, type: 0x64, nr: 0x1e, size: 0 }],
    [0xffffffff, { direction: 3, type: 255, nr: 255, size: 0x3fff }],
  ] as const) {
    t.strictSame(decodeIoc(request), parts);
    t.equal(encodeIoc(parts), request);
  }
});

t.test('a part that does not fit a command number is refused', async (t) => {
  const good = { direction: 3, type: 1, nr: 1, size: 1 } as const;
  for (const bad of [{ size: 0x4000 }, { nr: 256 }, { type: -1 }, { size: 1.5 }]) {
    t.throws(() => encodeIoc({ ...good, ...bad }), RangeError, JSON.stringify(bad));
  }
});

const hasCompiler = spawnSync('cc', ['--version']).status === 0;
const noCompiler = hasCompiler ? false : 'cc is not installed';

t.test('constants agree with the C compiler', { skip: noCompiler }, async (t) => {
  const names = Object.keys(constants);
  const lines = names.map(
    (name) => `#ifdef ${name}\nprintf("${name} %lld\\n", (long long)${name});\n#endif`,
  );
  const headers = [
    'stdio',
    'fcntl',
    'poll',
    'sys/mman',
    'sys/socket',
    'sys/eventfd',
    'linux/openat2',
  ];
  const source = [
    '#define _GNU_SOURCE',
    ...headers.map((header) => `#include <${header}.h>`),
    '#include <linux/memfd.h>',
    '#ifndef SCM_RIGHTS\n#define SCM_RIGHTS SCM_RIGHTS\n#endif',
    '#ifndef SOCK_STREAM\n#define SOCK_STREAM SOCK_STREAM\n#endif',
    `int main(void) {\n${lines.join('\n')}\nreturn 0; }`,
  ].join('\n');
  const binary = join(t.testdir(), 'constants');
  execFileSync('cc', ['-x', 'c', '-', '-o', binary], { input: source });
  const compiled = new Map(
    execFileSync(binary, { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([name = '', value]) => [name, Number(value)]),
  );
  const ours = new Map<string, number>(Object.entries(constants));
  for (const [name, value] of compiled) t.equal(ours.get(name), value, name);
  t.ok(compiled.size > names.length * 0.8, `${compiled.size} of ${names.length} compared`);
});

t.test('an ioctl that works fills its struct, and one on a closed fd answers EBADF', async (t) => {
  using fd = new Fd(open('/dev/urandom', O_RDONLY | O_CLOEXEC));
  const arg = entropy.make({ count: 0xffffffff });
  t.strictSame(tryIoctl(fd.number, RNDGETENTCNT, arg), { ret: 0, errno: 0 });
  t.not(entropy.get(arg, 'count'), 0xffffffff);
  t.strictSame(tryIoctl(closedFd(), RNDGETENTCNT, arg), { ret: -1, errno: E.EBADF });
  t.strictSame(tryIoctl(fd.number, 0xdead, null), { ret: -1, errno: E.EINVAL });
});

t.test('an ioctl that must not fail names command, device, errno and argument', async (t) => {
  using fd = new Fd(open('/dev/urandom', O_RDONLY | O_CLOEXEC));
  const number = fd.number;
  const arg = entropy.make({ count: 7 });
  const bad = closedFd();
  const device = { device: 'random@mem' };
  for (const [action, message] of [
    [() => ioctl(bad, RNDGETENTCNT, arg), `RNDGETENTCNT on fd ${bad}: EBADF (count=7)`],
    [() => ioctl(number, RNDGETENTCNT, 16n), 'RNDGETENTCNT on /dev/urandom: EFAULT (at 0x10)'],
    [() => ioctl(number, RNDGETENTCNT, null, device), 'RNDGETENTCNT on random@mem: EFAULT (NULL)'],
    [
      () => ioctl(number, 0x5299, arg),
      'ioctl 0x5299 on /dev/urandom: EINVAL (4 bytes 07 00 00 00)',
    ],
  ] as const) {
    t.equal(thrown(action).message, message);
  }
  t.match(
    thrown(() => ioctl(bad, RNDGETENTCNT, arg)),
    { errno: E.EBADF, errnoName: 'EBADF' },
  );
});

t.test('failures of other calls are data in one form and errors in the other', async (t) => {
  const fd = closedFd();
  const buf = Buffer.alloc(4);
  for (const [result, action, message] of [
    [
      tryOpen('/no/such', O_RDWR),
      () => open('/no/such', O_RDWR),
      'open: ENOENT (/no/such flags=0x2)',
    ],
    [tryClose(fd), () => close(fd), `close: EBADF (fd=${fd})`],
    [file.tryDup(fd), () => file.dup(fd), `dup: EBADF (fd=${fd})`],
    [file.tryLseek(fd, 0, 0), () => read(fd, buf), `read on fd ${fd}: EBADF (4 bytes)`],
    [file.tryFcntl(fd, 1), () => file.fcntl(fd, 1), `fcntl on fd ${fd}: EBADF (cmd=1 arg=0x0)`],
    [file.tryFstat(fd), () => file.fstat(fd), `fstat: EBADF (fd=${fd})`],
  ] as const) {
    t.not('ok' in result ? Number(!result.ok) : result.errno, 0);
    t.equal(thrown(action).message, message);
  }
});

t.test('a path with a NUL is refused before C cuts it short', async (t) => {
  t.throws(() => tryOpen('/dev/null\0x', O_RDONLY), /contains a NUL/);
});

t.test('openat2 refuses a flag that open ignores', async (t) => {
  const unknownFlag = 1n << 40n;
  using fd = new Fd(openat2(constants.AT_FDCWD, '/dev/null', { flags: O_RDWR | O_CLOEXEC }));
  t.ok(fd.isOpen);
  const flags = BigInt(O_RDWR) | unknownFlag;
  t.equal(tryOpenat2(constants.AT_FDCWD, '/dev/null', { flags }).errno, E.EINVAL);
});

t.test('a memfd is sized, written, read, sought, sealed and told apart', async (t) => {
  using fd = new Fd(memfdCreate('test', constants.MFD_CLOEXEC | constants.MFD_ALLOW_SEALING));
  const { number } = fd;
  file.ftruncate(number, 8192n);
  t.equal(pwrite(number, Buffer.from('hello'), 4096), 5);
  const back = Buffer.alloc(5);
  t.equal(pread(number, back, 4096n), 5);
  t.equal(back.toString(), 'hello');
  t.equal(file.lseek(number, 0, constants.SEEK_END), 8192);
  file.fallocate(number, 0, 0, 12288);
  t.equal(file.fstat(number).sizeBytes, 12288n);
  file.fcntl(number, constants.F_ADD_SEALS, constants.F_SEAL_SHRINK);
  t.equal(file.fcntl(number, constants.F_GET_SEALS), constants.F_SEAL_SHRINK);
  t.equal(file.tryFtruncate(number, 0).errno, E.EPERM);
  using copy = new Fd(file.dup(number));
  t.equal(file.fstat(copy.number).inode, file.fstat(number).inode);
  using other = new Fd(memfdCreate('other'));
  t.not(file.fstat(other.number).inode, file.fstat(number).inode);
});

t.test(
  'poll tells which fd is ready, hung up or closed, and waits no longer than asked',
  async (t) => {
    using event = new Fd(file.eventfd(0));
    const wait = [{ fd: event.number, events: POLLIN }];
    const start = process.hrtime.bigint();
    t.match(tryPoll(wait, 20), { ret: 0, errno: 0, revents: [0] });
    t.ok(process.hrtime.bigint() - start >= 19_000_000n, 'it waited');
    setCallLog(new CallLog(4));
    t.match(tryPoll(wait, 0.5), { ret: 0, errno: 0 }, 'what is left of a limit is no whole time');
    setCallLog(undefined);
    t.strictSame(poll([{ fd: event.number, events: POLLIN | POLLOUT }], 0), [POLLOUT]);
    t.strictSame(poll([...wait, { fd: closedFd(), events: POLLIN }], -1), [0, POLLNVAL]);
    const [left, right] = socketpair();
    using end = new Fd(left);
    close(right);
    t.strictSame(poll([{ fd: end.number, events: POLLIN }], -1), [POLLIN | POLLHUP]);
  },
);

t.test('fds travel over a socket pair with their data', async (t) => {
  const [left, right] = socketpair();
  using here = new Fd(left);
  using there = new Fd(right);
  using memory = new Fd(memfdCreate('sent'));
  pwrite(memory.number, Buffer.from('payload'), 0);
  for (const count of [0, 1, 3]) {
    const fds = Array.from({ length: count }, () => memory.number);
    t.equal(sendFds(here.number, Buffer.from('hi'), fds), 2);
    const got = recvFds(there.number, 16, 4);
    t.equal(got.data.toString(), 'hi');
    t.equal(got.fds.length, count);
    for (const fd of got.fds) {
      const text = Buffer.alloc(7);
      pread(fd, text, 0);
      t.equal(text.toString(), 'payload');
      t.equal(file.fcntl(fd, constants.F_GETFD), constants.FD_CLOEXEC);
      close(fd);
    }
  }
});

t.test('more fds than there is room for are cut, and a bad one is refused', async (t) => {
  const [left, right] = socketpair();
  using here = new Fd(left);
  using there = new Fd(right);
  t.equal(sendFds(here.number, Buffer.from('x'), [0, 0, 0, 0]), 1);
  const got = recvFds(there.number, 1, 2);
  t.equal(got.fds.length, 2);
  got.fds.forEach(close);
  t.equal(trySendFds(here.number, Buffer.from('x'), [closedFd()]).errno, E.EBADF);
  here.close();
  t.equal(recvFds(there.number, 1, 0).data.length, 0, 'the other end is closed');
  t.equal(trySendFds(there.number, Buffer.from('x'), []).errno, E.EPIPE);
  t.strictSame(tryRecvFds(closedFd(), 1, 1), { ok: false, errno: E.EBADF });
});

t.test('a pidfd reaches the fds of a process', async (t) => {
  using self = new Fd(pidfdOpen(process.pid));
  using memory = new Fd(memfdCreate('reached'));
  using copy = new Fd(pidfdGetfd(self.number, memory.number));
  t.equal(file.fstat(copy.number).inode, file.fstat(memory.number).inode);
  t.equal(tryPidfdOpen(-1).errno, E.EINVAL);
});

t.test('an Fd closes once and does not give out a stale number', async (t) => {
  const fd = new Fd(open('/dev/null', O_RDWR));
  const number = fd.number;
  t.strictSame(fd.close(), { ret: 0, errno: 0 });
  t.strictSame(fd.close(), { ret: 0, errno: 0 });
  t.throws(() => fd.number, new RegExp(`fd ${number} was closed`));
  fd[Symbol.dispose]();
  const kept = new Fd(open('/dev/null', O_RDWR));
  const released = kept.release();
  kept[Symbol.dispose]();
  t.equal(tryClose(released).errno, 0, 'release leaves it open');
  t.throws(() => new Fd(-1), RangeError);
});

t.test('an Fd that somebody else closed is an error when it is disposed', async (t) => {
  const fd = new Fd(open('/dev/null', O_RDWR));
  close(fd.number);
  t.throws(() => fd[Symbol.dispose](), /EBADF/);
});
