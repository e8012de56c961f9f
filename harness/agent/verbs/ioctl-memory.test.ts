import { writeSync } from 'node:fs';
import t from 'tap';
import { description } from '../../../uapi/headers/drm/drm.ts';
import { tryIoctl } from '../../../uapi/ioctl.ts';
import { tryClose } from '../../../uapi/sys.ts';
import { socketpair } from '../../../uapi/sys-socket.ts';
import { Scope } from '../scope.ts';
import type { PointContext } from '../verb.ts';
import { abiOf } from './ioctl-abi.ts';
import { fillStruct, readFilled } from './ioctl-fields.ts';
import { CallMemory } from './ioctl-memory.ts';

/** Writes the number of bytes that wait, an int, to an address. Source: asm-generic/ioctls.h */
const FIONREAD = 0x541b;

const scope = new Scope();
scope.set('three', 3);
const struct = (tag: string) => {
  const found = description.structs[tag];
  if (found === undefined) throw new Error(tag);
  return found;
};
const context = { scope, struct } as unknown as PointContext;

t.test('pointers lead to memory, which is read back as the kernel left it', async (t) => {
  const wait = struct('drm_syncobj_timeline_wait');
  const memory = new CallMemory(context, abiOf(undefined));
  const entries = [
    ['handles', { u32: [7, '$three'], length: 4 }],
    ['points', { u64: [{ text: 'deep' }, { structs: 'drm_gem_close', items: [{ handle: 5 }] }] }],
  ] as const;
  const filled = fillStruct(wait, entries as never, wait.size, context, memory);
  const handles = wait.get(filled.bytes, 'handles' as never) as bigint;
  const [near, far] = socketpair();
  writeSync(far, Buffer.alloc(9));
  t.equal(tryIoctl(near, FIONREAD, handles + 4n).errno, 0);
  t.match(readFilled(wait, filled), {
    handles: [7, 9, 0, 0],
    points: ['deep', [{ handle: 5, pad: 0 }]],
  });
  t.equal(memory.strayWrite(), undefined);
  t.equal(tryIoctl(near, FIONREAD, handles + 16n).errno, 14, 'EFAULT behind it');
  tryIoctl(near, FIONREAD, handles - 4n);
  t.match(memory.strayWrite() ?? '', /byte 1 before what 'handles' leads to changed/);
  memory.release();
  t.equal(tryIoctl(near, FIONREAD, handles).errno, 14, 'gone afterwards');
  for (const fd of [near, far]) tryClose(fd);
});

t.test('a text and room have the bytes that they say', async (t) => {
  const version = struct('drm_version');
  const memory = new CallMemory(context, abiOf(undefined));
  const entries = [
    ['name', { text: 'gem' }],
    ['date', { bytes: 'counter', length: 6 }],
    ['desc', { text: '', length: 2, at: 'kernel' }],
  ] as const;
  const filled = fillStruct(version, entries as never, version.size, context, memory);
  t.match(readFilled(version, filled), { name: 'gem', date: [0, 0, 0, 0, 1, 0], desc: '' });
  t.equal(version.get(filled.bytes, 'desc' as never) as unknown, 0xffff_8000_0000_0000n);
  memory.release();
});
