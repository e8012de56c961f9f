import { spawnSync } from 'node:child_process';
import koffi from 'koffi';
import t from 'tap';
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from './constants.ts';
import { E } from './errno.ts';
import { projectRoot } from './project-root.ts';

/**
 * What uapi takes for granted of koffi, so that an upgrade that changes it turns red here and not
 * in a verdict. The facts and their numbers are in the style reference.
 */

type Pointer = Uint8Array | bigint | null | undefined;
const libc = koffi.load(null);
const ioctl: (fd: number, request: number | bigint, arg: Pointer) => number = libc.func(
  'int ioctl(int fd, unsigned long request, void *arg)',
);
const open: (path: string, flags: number, mode: number) => number = libc.func(
  'int open(const char *path, int flags, unsigned int mode)',
);
const read: (fd: number, buf: unknown, n: number | bigint) => number = libc.func(
  'long read(int fd, void *buf, size_t n)',
);
const mmap: (
  address: Pointer,
  length: number | bigint,
  prot: number,
  flags: number,
  fd: number,
  offset: number | bigint,
) => unknown = libc.func(
  'void *mmap(void *address, size_t length, int prot, int flags, int fd, int64_t offset)',
);
const munmap: (address: bigint, length: number) => number = libc.func(
  'int munmap(void *address, size_t length)',
);
const labs: (value: number | bigint) => unknown = libc.func('int64_t labs(int64_t value)');

const RNDGETENTCNT = 0x80045200;
const RW = PROT_READ | PROT_WRITE;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;

function mapPage(): bigint {
  const address = mmap(null, 4096, RW, ANONYMOUS, -1, 0);
  if (typeof address !== 'bigint') throw new Error('mmap gave no pointer');
  return address;
}

t.test('a fixed-arity ioctl works and fills a Buffer', async (t) => {
  const fd = open('/dev/urandom', 0, 0);
  const arg = Buffer.alloc(8, 0xff);
  t.equal(ioctl(fd, RNDGETENTCNT, arg), 0);
  t.not(arg.readInt32LE(0), -1);
  t.equal(arg.readInt32LE(4), -1, 'and nothing behind the four bytes');
});

t.test('a request with the top bit set arrives unsigned', async (t) => {
  const fd = open('/dev/urandom', 0, 0);
  t.equal(ioctl(fd, RNDGETENTCNT, Buffer.alloc(4)), 0);
  t.equal(ioctl(fd, BigInt(RNDGETENTCNT), Buffer.alloc(4)), 0);
});

t.test('errno read directly after a call is that of the call', async (t) => {
  let garbage: unknown[] = [];
  let wrong = 0;
  for (let i = 0; i < 20_000; i++) {
    // Alternates, so that a stale errno shows; allocates, so that collections fall in between.
    const bad = i % 2 === 0;
    const ret = bad ? ioctl(-1, 0, null) : Number(mmap(null, 0, RW, ANONYMOUS, -1, 0));
    const errno = ret === 0 ? 0 : koffi.errno();
    if (errno !== (bad ? E.EBADF : E.EINVAL)) wrong++;
    garbage.push(Buffer.alloc(64));
    if (garbage.length > 1000) garbage = [];
  }
  t.equal(wrong, 0);
});

t.test('mmap fails as all ones, not as null', async (t) => {
  const address = mmap(null, 0, RW, ANONYMOUS, -1, 0);
  const errno = koffi.errno();
  t.equal(address, 0xffffffffffffffffn);
  t.equal(errno, E.EINVAL);
});

t.test('a NULL result is null and any other pointer a bigint', async (t) => {
  const getenv: (name: string) => unknown = libc.func('void *getenv(const char *name)');
  t.equal(getenv('UAPI_NOT_SET_ANYWHERE'), null);
  t.type(getenv('PATH'), 'bigint');
});

t.test('a 64-bit result is a number up to 2^53 and a bigint above', async (t) => {
  t.equal(labs(5n), 5);
  t.equal(labs(2n ** 60n), 2n ** 60n);
});

t.test('size_t and int64_t take numbers and bigints, all ones included', async (t) => {
  t.equal(labs(-7), 7);
  t.equal(labs(-7n), 7);
  const ret = read(-1, Buffer.alloc(1), 0xffffffffffffffffn);
  const errno = koffi.errno();
  t.equal(ret, -1);
  t.equal(errno, E.EBADF);
});

t.test('a view of a Buffer arrives at its own offset', async (t) => {
  const zero = open('/dev/zero', 0, 0);
  const bytes = Buffer.alloc(12, 1);
  t.equal(read(zero, bytes.subarray(4, 8), 4), 4);
  t.same([...bytes], [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]);
  t.equal(koffi.address(bytes.subarray(4)), koffi.address(bytes) + 4n);
});

t.test('void * takes a bigint as an address; undefined and an empty Buffer are NULL', async (t) => {
  const zero = open('/dev/zero', 0, 0);
  const page = mapPage();
  for (const [name, pointer, errno] of [
    ['an address', page, 0],
    ['the number of an address', Number(page), 0],
    ['a bad address', 1n, E.EFAULT],
    ['null', null, E.EFAULT],
    ['undefined', undefined, E.EFAULT],
    ['an empty Buffer', Buffer.alloc(0), E.EFAULT],
  ] as const) {
    const ret = read(zero, pointer, 1);
    const got = ret < 0 ? koffi.errno() : 0;
    t.equal(got, errno, name);
  }
  munmap(page, 4096);
});

t.test('too few arguments throw', async (t) => {
  t.throws(() => (read as (fd: number) => number)(-1), /Expected 3 arguments/);
});

t.test('a string ends at its NUL without an error, so callers must look for one', async (t) => {
  t.ok(open('/dev/null\0nonsense', 0, 0) >= 0);
});

t.test(
  'ssize_t and kernel type names are unknown, so prototypes say long and int64_t',
  async (t) => {
    for (const name of ['ssize_t', 'off_t', '__u64']) {
      t.throws(() => libc.func(`${name} labs(${name} value)`), /Unknown or invalid type/, name);
    }
  },
);

t.test('a view is the memory itself and may be made again at the same address', async (t) => {
  for (let i = 0; i < 500; i++) {
    const address = mapPage();
    const bytes = new Uint8Array(koffi.view(address, 4096));
    bytes[9] = 42;
    if (koffi.decode.uint8(address + 9n) !== 42) t.fail(`view ${i} is a copy`);
    munmap(address, 4096);
  }
  t.pass();
});

t.test('decode and encode touch the one address given', async (t) => {
  const address = mapPage();
  koffi.encode(address + 5n, 'uint8', 77);
  t.equal(koffi.decode.uint8(address + 5n), 77);
  t.equal(koffi.decode.uint8(address + 4n), 0);
  munmap(address, 4096);
});

t.test(
  'encoding an object wraps values and drops unknown names, hence our own layouts',
  async (t) => {
    const type = koffi.struct({ handle: 'uint32_t', pad: 'uint32_t' });
    const buf = Buffer.alloc(8, 0xff);
    koffi.encode(buf, type, { handle: 2 ** 32 + 5, padd: 9 });
    t.equal(buf.readUInt32LE(0), 5);
    t.equal(buf.readUInt32LE(4), 0);
  },
);

t.test('a view read after munmap kills the process, hence Mapping', async (t) => {
  const code = `
    import koffi from 'koffi';
    const libc = koffi.load(null);
    const mmap = libc.func('void *mmap(void *a, size_t n, int p, int f, int fd, int64_t o)');
    const munmap = libc.func('int munmap(void *a, size_t n)');
    const address = mmap(null, 4096, 3, 0x22, -1, 0);
    const view = new Uint8Array(koffi.view(address, 4096));
    munmap(address, 4096);
    console.log(view[0]);`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: projectRoot(),
  });
  t.equal(child.signal, 'SIGSEGV');
});
