import { writeSync } from 'node:fs';
import t from 'tap';
import { GuardedPage } from './argument-memory.ts';
import { compatRefusal } from './compat.ts';
import { E } from './errno.ts';
import { tryIoctl } from './ioctl.ts';
import { tryClose } from './sys.ts';
import { socketpair } from './sys-socket.ts';

/** 32-bit calls into the kernel that runs the tests, where it takes them. */

/** Writes the number of bytes that wait, an int, to an address. Source: asm-generic/ioctls.h */
const FIONREAD = 0x541b;
const skip = compatRefusal() ?? false;
const compat = { entry: 'compat' } as const;

t.test('a 32-bit call reads and writes memory below 4 GiB', { skip }, async (t) => {
  const [near, far] = socketpair();
  using page = GuardedPage.create('no-access', 4, 'low');
  const address = page.placeAtEnd(Buffer.alloc(4));
  t.ok(address < 2n ** 32n);
  writeSync(far, Buffer.alloc(7));
  t.strictSame(tryIoctl(near, FIONREAD, address, compat), { ret: 0, errno: 0 });
  t.equal(page.readAtEnd(4).readInt32LE(), 7);
  for (const fd of [near, far]) tryClose(fd);
});

t.test('its errno is one as from any call', { skip }, async (t) => {
  const [near, far] = socketpair();
  using page = GuardedPage.create('no-access', 4, 'low');
  t.strictSame(tryIoctl(near, FIONREAD, page.end, compat), { ret: -1, errno: E.EFAULT });
  t.strictSame(tryIoctl(near, FIONREAD, null, compat), { ret: -1, errno: E.EFAULT });
  t.strictSame(tryIoctl(near, 0xdead, null, compat), { ret: -1, errno: E.ENOTTY });
  t.throws(() => tryIoctl(near, FIONREAD, Buffer.alloc(4), compat), /below 4 GiB/);
  t.throws(() => tryIoctl(near, FIONREAD, 2n ** 32n, compat), /cannot be given 4294967296/);
  for (const fd of [near, far]) tryClose(fd);
  t.strictSame(tryIoctl(near, FIONREAD, null, compat), { ret: -1, errno: E.EBADF });
});
