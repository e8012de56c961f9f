import { spawnSync } from 'node:child_process';
import t from 'tap';
import { GuardedPage, noAccessPage, readOnlyPage } from './argument-memory.ts';
import * as constants from './constants.ts';
import { E } from './errno.ts';
import { Fd } from './fd.ts';
import { Mapping, MappingError } from './mapping.ts';
import { open, pread, pwrite, tryRead, tryWrite } from './sys.ts';
import { ftruncate } from './sys-file.ts';
import { memfdCreate, pageSize, tryMadvise, tryMmap, tryMremap, tryMunmap } from './sys-memory.ts';
import { tryReadMemory } from './sys-process-memory.ts';

const { MADV_DONTNEED, MAP_ANONYMOUS, MAP_PRIVATE, PROT_NONE, PROT_READ, PROT_WRITE } = constants;
const page = pageSize();

/** A memfd of `bytes` bytes. */
function memory(bytes: number): Fd {
  const fd = new Fd(memfdCreate('mapping'));
  ftruncate(fd.number, bytes);
  return fd;
}

t.test('mmap, mremap and munmap give addresses and errnos', async (t) => {
  const flags = constants.MAP_PRIVATE | constants.MAP_ANONYMOUS;
  t.strictSame(tryMmap({ fd: -1, length: 0, flags }), { address: -1n, errno: E.EINVAL });
  const { address, errno } = tryMmap({ fd: -1, length: page, flags });
  t.equal(errno, 0);
  const moved = tryMremap(address, page, 4 * page);
  t.equal(moved.errno, 0);
  t.equal(tryMunmap(moved.address, 4 * page).errno, 0);
  t.equal(tryMremap(moved.address, page, page * 2).errno, E.EFAULT);
  t.equal(tryMunmap(1n, page).errno, E.EINVAL);
  t.equal(tryMmap({ fd: 999, length: page }).errno, E.EBADF);
});

t.test('madvise gives memory back, or an errno', async (t) => {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  using map = Mapping.map({ fd: -1, length: 2 * page, flags });
  map.fill(0, 2 * page, 7);
  t.equal(tryMadvise(map.address, page, MADV_DONTNEED).errno, 0);
  t.equal(map.readU8(0), 0);
  t.equal(map.readU8(page), 7);
  t.equal(tryMadvise(map.address + 1n, page, MADV_DONTNEED).errno, E.EINVAL);
});

t.test('memory is read by its address, and what is not there is EFAULT', async (t) => {
  using map = Mapping.map({ fd: -1, length: 2 * page, flags: MAP_PRIVATE | MAP_ANONYMOUS });
  map.write(page - 2, Buffer.from('across'));
  const read = (...ranges: [number, number][]) =>
    tryReadMemory(ranges.map(([at, length]) => ({ address: map.address + BigInt(at), length })));
  t.strictSame(read([page, 4], [page - 2, 2]), { ok: true, value: Buffer.from('rossac') });
  t.strictSame(read(), { ok: true, value: Buffer.alloc(0) });
  using none = noAccessPage();
  for (const address of [1n, none.address, none.address - 1n, 0xffff_ffff_ffff_f000n]) {
    t.strictSame(tryReadMemory([{ address, length: 4 }]), { ok: false, errno: E.EFAULT });
  }
});

t.test('a mapping is the file, in both directions', async (t) => {
  using fd = memory(3 * page);
  using map = Mapping.map({ fd: fd.number, length: 2 * page, offset: page });
  map.write(10, Buffer.from('hello'));
  const there = Buffer.alloc(5);
  pread(fd.number, there, page + 10);
  t.equal(there.toString(), 'hello');
  pwrite(fd.number, Buffer.from('J'), page + 10);
  t.equal(map.read(10, 5).toString(), 'Jello');
  map.fill(0, 4, 0xab);
  t.equal(map.readU32(0), 0xabababab);
  t.equal(map.read().length, 2 * page);
});

t.test('atomic words are those that plain access sees, and are aligned', async (t) => {
  using fd = memory(page);
  using map = Mapping.map({ fd: fd.number, length: page });
  map.storeAtomic32(8, 0xfffffffe);
  t.equal(map.readU32(8), 0xfffffffe);
  map.writeU32(page - 4, 7);
  t.equal(map.loadAtomic32(page - 4), 7);
  map.storeAtomic64(page - 8, 0xffffffff_00000001n);
  t.equal(map.readU64(page - 8), 0xffffffff_00000001n);
  t.throws(() => map.storeAtomic64(12, 1n), MappingError);
  t.throws(() => map.loadAtomic32(6), MappingError);
  t.throws(() => map.storeAtomic32(page, 1), MappingError);
  using readable = Mapping.map({ fd: fd.number, length: page, prot: PROT_READ });
  t.throws(() => readable.storeAtomic32(8, 1), MappingError);
});

t.test('registers are written whole, and nothing beside them', async (t) => {
  using fd = memory(page);
  using map = Mapping.map({ fd: fd.number, length: page });
  map.fill(0, 32, 0x55);
  map.storeRegister32(4, 0xfffffffe);
  map.storeRegister64(16, 0x80000000_00000001n);
  t.equal(
    map.read(0, 32).toString('hex'),
    `${'55'.repeat(4)}feffffff${'55'.repeat(8)}0100000000000080${'55'.repeat(8)}`,
  );
  t.throws(() => map.storeRegister32(6, 1), MappingError);
  t.throws(() => map.storeRegister64(12, 1n), MappingError);
  t.throws(() => map.storeRegister64(page, 1n), MappingError);
  using readable = Mapping.map({ fd: fd.number, length: page, prot: PROT_READ });
  t.throws(() => readable.storeRegister32(8, 1), MappingError);
});

t.test('integers are little-endian and need no alignment', async (t) => {
  using fd = memory(page);
  using map = Mapping.map({ fd: fd.number, length: page });
  map.writeU64(3, 0x1122334455667788n);
  t.equal(map.readU64(3), 0x1122334455667788n);
  t.equal(map.readU32(3), 0x55667788);
  t.equal(map.readU8(3), 0x88);
  map.writeU32(4, 0xffffffff);
  map.writeU8(5, 0);
  t.equal(map.readU32(4), 0xffff00ff);
});

t.test('a copy that was read does not change with the memory', async (t) => {
  using fd = memory(page);
  using map = Mapping.map({ fd: fd.number, length: page });
  const copy = map.read(0, 4);
  map.fill(0, 4, 1);
  t.strictSame([...copy], [0, 0, 0, 0]);
  t.equal(copy.buffer.byteLength, 4, 'and lies in no shared pool');
});

t.test('compare finds the first difference', async (t) => {
  using fd = memory(4 * page);
  using map = Mapping.map({ fd: fd.number, length: 4 * page });
  const expected = Buffer.alloc(3 * page, 0x5a);
  map.write(8, expected);
  t.equal(map.compare(8, expected), -1);
  t.equal(map.compare(0, Buffer.alloc(0)), -1);
  for (const at of [3 * page - 1, page, page - 1, 1, 0]) {
    map.writeU8(8 + at, 0);
    t.equal(map.compare(8, expected), at);
  }
});

t.test('access outside a mapping throws and touches nothing', async (t) => {
  using fd = memory(page);
  using map = Mapping.map({ fd: fd.number, length: 100 });
  for (const [name, action] of Object.entries({
    'a read across the end': () => map.read(96, 5),
    'a write across the end': () => map.write(97, Buffer.alloc(4)),
    'a negative offset': () => map.fill(-1, 2, 0),
    'a fraction': () => map.readU8(1.5),
    'not a number': () => map.readU8(Number.NaN),
    'a word across the end': () => map.readU32(97),
    'a long word across the end': () => map.writeU64(93, 1n),
    'a compare across the end': () => map.compare(99, Buffer.alloc(2)),
  })) {
    t.throws(action, /outside the mapping of 100 bytes/, name);
  }
  t.equal(map.readU32(96), 0);
});

t.test('access after unmap throws, and unmap again does nothing', async (t) => {
  using fd = memory(page);
  const map = Mapping.map({ fd: fd.number, length: page });
  t.ok(map.isMapped);
  t.equal(map.unmap().errno, 0);
  t.notOk(map.isMapped);
  for (const action of [() => map.read(), () => map.writeU32(0, 1), () => map.protect(PROT_READ)]) {
    t.throws(action, /after unmap/);
  }
  t.equal(map.unmap().errno, 0);
  map[Symbol.dispose]();
});

t.test('access against the protection throws instead of killing the process', async (t) => {
  using fd = memory(page);
  using readable = Mapping.map({ fd: fd.number, length: page, prot: PROT_READ });
  t.equal(readable.readU8(0), 0);
  t.throws(() => readable.write(0, Buffer.alloc(1)), MappingError);
  t.equal(readable.protect(PROT_READ | PROT_WRITE).errno, 0);
  readable.writeU8(0, 9);
  t.equal(readable.readU8(0), 9);
  using none = Mapping.map({ fd: fd.number, length: page, prot: PROT_NONE });
  t.throws(() => none.readU8(0), /whose protection is 0/);
});

t.test('a mapping that fails is data in one form and an error in the other', async (t) => {
  using zero = new Fd(open('/dev/urandom', constants.O_RDONLY));
  const request = { fd: zero.number, length: page, offset: 0x1000 };
  t.strictSame(Mapping.tryMap(request), { ok: false, errno: E.EACCES });
  t.throws(() => Mapping.map({ ...request, prot: PROT_READ }), {
    message: `mmap on /dev/urandom: ENODEV (length=${page} offset=0x1000 prot=1 flags=0x1)`,
  });
});

/** Runs code with a mapped page `map` of a file `fd` in a process of its own. */
function runWithMapping(code: string): { signal: string | null; output: string } {
  const url = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  const source = `
    import { Mapping } from ${url('./mapping.js')};
    import { memfdCreate } from ${url('./sys-memory.js')};
    import { ftruncate } from ${url('./sys-file.js')};
    const fd = memfdCreate('touched');
    ftruncate(fd, ${page});
    const map = Mapping.map({ fd, length: ${page}, prot: ${PROT_READ} });
    ${code}`;
  const args = ['--input-type=module', '-e', source];
  const { signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { signal, output: stdout + stderr };
}

t.test('a raw touch does what it is told', async (t) => {
  for (const [name, code, signal] of [
    ['within bounds', `console.log(map.rawTouch(4, 'read'));`, null],
    ['against the protection', `map.rawTouch(0, 'write');`, 'SIGSEGV'],
    ['after unmap', `map.unmap(); map.rawTouch(0, 'read');`, 'SIGSEGV'],
    ['of a truncated file', `ftruncate(fd, 0); map.rawTouch(0, 'read');`, 'SIGBUS'],
  ] as const) {
    const run = runWithMapping(code);
    t.equal(run.signal, signal, name);
    t.equal(run.output, signal === null ? '0\n' : '', name);
  }
});

t.test(
  'an argument at the end of a guarded page is reached, one across it is a fault',
  async (t) => {
    using zero = new Fd(open('/dev/zero', constants.O_RDWR));
    for (const guard of ['no-access', 'unmapped'] as const) {
      using guarded = GuardedPage.create(guard);
      guarded.poison(0xee);
      const bytes = Buffer.from([1, 2, 3, 4]);
      const whole = guarded.placeAtEnd(bytes);
      t.equal(whole, guarded.end - 4n);
      t.strictSame(guarded.readAtEnd(5), Buffer.from([0xee, 1, 2, 3, 4]));
      t.strictSame(tryRead(zero.number, whole, 4), { ret: 4, errno: 0 }, guard);
      t.strictSame(guarded.readAtEnd(5), Buffer.from([0xee, 0, 0, 0, 0]));
      const half = guarded.placeAcross(bytes, 2);
      t.strictSame(guarded.readAtEnd(2), Buffer.from([1, 2]));
      using memfd = memory(page);
      t.not(tryWrite(memfd.number, half, 4).ret, 4, 'not all four bytes can be read');
      t.equal(tryWrite(memfd.number, guarded.end, 4).errno, E.EFAULT);
    }
    t.throws(() => GuardedPage.create().placeAcross(Buffer.alloc(4), 5), MappingError);
  },
);

t.test('more than a page can be guarded', async (t) => {
  using guarded = GuardedPage.create('no-access', page + 1);
  const bytes = Buffer.alloc(page + 1, 3);
  t.equal(guarded.placeAtEnd(bytes), guarded.end - BigInt(page + 1));
  t.strictSame(guarded.readAtEnd(page + 1), bytes);
});

t.test('a page without access and a read-only page are faults for the kernel too', async (t) => {
  using zero = new Fd(open('/dev/zero', constants.O_RDWR));
  using none = noAccessPage();
  t.equal(tryRead(zero.number, none.address, 1).errno, E.EFAULT);
  using fixed = readOnlyPage(Buffer.from('fixed'));
  t.equal(tryRead(zero.number, fixed.address, 1).errno, E.EFAULT);
  t.equal(fixed.read(0, 5).toString(), 'fixed');
  using memfd = memory(0);
  t.equal(tryWrite(memfd.number, fixed.address, 5).ret, 5, 'while it can be read');
});
