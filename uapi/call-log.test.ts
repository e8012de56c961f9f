import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { CallLog, setCallLog } from './call-log.ts';
import { createCallLogFile, readCallLogFile } from './call-log-file.ts';
import type { CallRecord } from './call-record.ts';
import { MAP_ANONYMOUS, MAP_PRIVATE, O_RDONLY, O_RDWR } from './constants.ts';
import { E } from './errno.ts';
import { Fd } from './fd.ts';
import { command, u32, u64 } from './fields.ts';
import { tryIoctl } from './ioctl.ts';
import { Struct } from './layout.ts';
import { Mapping } from './mapping.ts';
import { open, read, tryOpen, write } from './sys.ts';
import { pageSize } from './sys-memory.ts';

const entropy = new Struct<{ count: number; rest: bigint }>({
  name: 'entropy',
  size: 16,
  size32: 16,
  fields: () => [u32('count', 0), u64('rest', 8)],
});
const RNDGETENTCNT = command('RNDGETENTCNT', 0x80045200, 0x80045200, 'int', entropy);

/** The records of what `action` called. */
function logged(action: () => void, log = new CallLog()): CallRecord[] {
  setCallLog(log);
  try {
    action();
  } finally {
    setCallLog(undefined);
  }
  return log.entries();
}

t.test('an ioctl is recorded with its argument before and after', async (t) => {
  using fd = new Fd(open('/dev/urandom', O_RDONLY));
  const arg = entropy.make({ count: 0xffff, rest: 5n });
  const [record] = logged(() => tryIoctl(fd.number, RNDGETENTCNT, arg));
  t.match(record?.facts, {
    sequence: 1,
    command: 'RNDGETENTCNT',
    request: 0x80045200,
    fd: fd.number,
    args: [],
    state: 'done',
    ret: 0,
    errno: 0,
    restarts: 0,
    inputSize: 16,
    outputSize: 16,
  });
  t.strictSame(record?.decodedInput(), { count: 0xffff, rest: 5n });
  t.strictSame(record?.decodedOutput(), entropy.decode(arg));
  arg.fill(0);
  t.match(record?.decodedInput(), { count: 0xffff }, 'the bytes are copies');
  t.ok((record?.facts.durationNs ?? 0) > 0);
});

t.test('a record reads as one line', async (t) => {
  using fd = new Fd(open('/dev/urandom', O_RDONLY));
  const n = fd.number;
  const lines = logged(() => {
    tryIoctl(n, RNDGETENTCNT, 0x10000n);
    tryIoctl(n, 0x5299, Buffer.from([1, 2]));
    tryOpen('/no/such', O_RDWR);
  }).map((record) => String(record).replace(/ \d+\.\dus$/, ' TIME'));
  t.strictSame(lines, [
    `#1 RNDGETENTCNT fd=${n} (0x10000) = EFAULT TIME`,
    `#2 ioctl 0x5299 fd=${n} {2 bytes 01 02} = EINVAL TIME`,
    '#3 open (2, 0) {"/no/such"} = ENOENT TIME',
  ]);
});

t.test('other calls are recorded with their scalars and their bytes', async (t) => {
  const records = logged(() => {
    using fd = new Fd(open('/dev/zero', O_RDWR));
    read(fd.number, Buffer.alloc(3, 1));
    write(fd.number, Buffer.from('abc'));
    const flags = MAP_PRIVATE | MAP_ANONYMOUS;
    Mapping.map({ fd: -1, length: pageSize(), flags, prot: 1 }).unmap();
  });
  t.strictSame(
    records.map((record) => record.command),
    ['open', 'read', 'write', 'mmap', 'munmap', 'close'],
  );
  const [, readRecord, writeRecord, mmapRecord, munmapRecord] = records;
  t.strictSame(readRecord?.facts.output, Buffer.alloc(3));
  t.strictSame(writeRecord?.facts.input, Buffer.from('abc'));
  t.strictSame(mmapRecord?.facts.args, [0n, BigInt(pageSize()), 1n, 0x22n, 0n]);
  t.equal(munmapRecord?.facts.args[0], BigInt(mmapRecord?.facts.ret ?? 0));
});

t.test('the ring keeps the newest calls and the counts keep all', async (t) => {
  const log = new CallLog(4);
  const records = logged(() => {
    for (let i = 0; i < 10; i++) tryIoctl(-1, RNDGETENTCNT, null);
    tryIoctl(-1, 0x1234, null);
    tryOpen('/no/such', O_RDONLY);
  }, log);
  t.strictSame(
    records.map((record) => record.facts.sequence),
    [9, 10, 11, 12],
  );
  t.strictSame(
    log.counts(),
    new Map([
      ['RNDGETENTCNT', { calls: 10, errnos: new Map([[E.EBADF, 10]]) }],
      ['ioctl', { calls: 1, errnos: new Map([[E.EBADF, 1]]) }],
      ['open', { calls: 1, errnos: new Map([[E.ENOENT, 1]]) }],
    ]),
  );
  log.clear();
  t.strictSame(log.entries(), []);
  t.equal(log.counts().size, 0);
  t.equal(logged(() => tryIoctl(-1, RNDGETENTCNT, null), log)[0]?.facts.sequence, 13);
  t.equal(log.counts().get('RNDGETENTCNT')?.calls, 1);
});

t.test('long arguments are cut and say how long they were', async (t) => {
  const long = Buffer.alloc(1000, 7);
  const [record] = logged(() => tryIoctl(-1, 0x1234, long));
  t.equal(record?.facts.inputSize, 1000);
  t.strictSame(record?.facts.input, long.subarray(0, CallLog.bytesKept));
  const [short] = logged(() => tryIoctl(-1, RNDGETENTCNT, Buffer.alloc(4)));
  t.equal(short?.decodedInput(), undefined, 'an argument shorter than its struct');
  t.match(String(short), '{count=0 rest=?}');
});

t.test('a call that has not returned is in flight', async (t) => {
  const log = new CallLog(2);
  t.equal(log.inFlight(), undefined);
  const slot = log.begin(RNDGETENTCNT, RNDGETENTCNT.request, 3, entropy.make({ count: 9 }));
  const record = log.inFlight();
  t.match(record?.facts, { state: 'in flight', command: 'RNDGETENTCNT', ret: 0, outputSize: 0 });
  t.equal(String(record), '#1 RNDGETENTCNT fd=3 {count=9 rest=0} did not return');
  log.end(slot, 0, 0, null);
  t.equal(log.inFlight(), undefined);
});

t.test('without a log nothing is recorded, and with one only its own calls', async (t) => {
  const log = new CallLog();
  tryIoctl(-1, RNDGETENTCNT, null);
  t.strictSame(log.entries(), []);
  logged(() => tryIoctl(-1, RNDGETENTCNT, null), log);
  tryIoctl(-1, RNDGETENTCNT, null);
  t.equal(log.entries().length, 1);
});

t.test('more names than the table holds share the last one and lose no call', async (t) => {
  const log = new CallLog(1000);
  for (let i = 0; i < 600; i++) log.end(log.begin(`call ${i}`, 0, -1, null), 0, 0, null);
  const names = log.entries().map((record) => record.command);
  t.equal(names.length, 600);
  t.equal(names[100], 'call 100');
  t.equal(new Set(names).size, 512);
  t.equal(log.counts().get('call 599')?.calls, 1, 'and are counted apart');
});

t.test('a log needs a capacity, and memory that holds no log is refused', async (t) => {
  for (const capacity of [0, -1, 1.5]) t.throws(() => new CallLog(capacity), RangeError);
  t.throws(() => CallLog.attach(new ArrayBuffer(4096)), /holds no call log/);
});

t.test('a log file is read by name, and decoded by who knows the commands', async (t) => {
  const path = join(t.testdir(), 'calls');
  logged(() => tryIoctl(-1, RNDGETENTCNT, entropy.make({ count: 3 })), createCallLogFile(path, 8));
  const [bare] = readCallLogFile(path);
  t.match(bare?.facts, { command: 'RNDGETENTCNT', errno: E.EBADF, inputSize: 16 });
  t.equal(bare?.decodedInput(), undefined);
  const [known] = readCallLogFile(path, (name) =>
    name === RNDGETENTCNT.name ? RNDGETENTCNT : undefined,
  );
  t.match(known?.decodedInput(), { count: 3 });
});

/** Numbers of ioctl(2) by Node's name of the architecture. */
const ioctlNumbers: Readonly<Record<string, number>> = { x64: 16, arm64: 29, riscv64: 29 };
const SYS_IOCTL = ioctlNumbers[process.arch];
const REQUEST = 0x7e57;

/** A busy machine takes seconds to start a process. */
const STARTED_MS = 5_000;
const ANSWERED_MS = 30_000;

/**
 * Calls an ioctl in a process whose seccomp filter answers it with `errno` for ever, and kills the
 * process after a while if it does not come back. Prints the result; the calls are left in `log`.
 */
function runInterrupted(
  errno: number,
  options: object,
  log: string,
  timeout = ANSWERED_MS,
): string {
  const url = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  const source = `
    import { setCallLog } from ${url('./call-log.js')};
    import { createCallLogFile } from ${url('./call-log-file.js')};
    import { tryIoctl } from ${url('./ioctl.js')};
    import { libc } from ${url('./sys-call.js')};
    import koffi from ${JSON.stringify(import.meta.resolve('koffi'))};
    const prctl = libc.func('int prctl(int option, unsigned long a, void *b, long c, long d)');
    // struct sock_filter: load nr, unless ioctl allow, load request, unless ours allow, errno.
    const rules = [
      [0x20, 0, 0, 0], [0x15, 0, 3, ${SYS_IOCTL}],
      [0x20, 0, 0, 24], [0x15, 0, 1, ${REQUEST}],
      [0x06, 0, 0, 0x50000 + ${errno}], [0x06, 0, 0, 0x7fff0000],
    ];
    const filter = Buffer.alloc(rules.length * 8);
    for (const [i, [code, yes, no, k]] of rules.entries()) {
      filter.writeUInt16LE(code, i * 8);
      filter.set([yes, no], i * 8 + 2);
      filter.writeUInt32LE(k, i * 8 + 4);
    }
    const program = Buffer.alloc(16);
    program.writeUInt16LE(rules.length, 0);
    program.writeBigUInt64LE(koffi.address(filter), 8);
    setCallLog(createCallLogFile(${JSON.stringify(log)}, 4));
    const PR_SET_NO_NEW_PRIVS = 38, PR_SET_SECCOMP = 22, SECCOMP_MODE_FILTER = 2;
    prctl(PR_SET_NO_NEW_PRIVS, 1, null, 0, 0);
    const armed = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0);
    const command = { name: 'TEST_INTERRUPTED', request: ${REQUEST} };
    if (armed < 0) throw new Error('the kernel took no seccomp filter');
    const result = tryIoctl(0, command, null, ${JSON.stringify(options)});
    console.log(JSON.stringify(result));`;
  const args = ['--input-type=module', '-e', source];
  const child = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout,
    killSignal: 'SIGKILL',
  });
  return child.signal ?? child.stdout.trim() + child.stderr;
}

const noFilter = SYS_IOCTL === undefined && `the number of ioctl on ${process.arch} is not known`;

t.test(
  'EINTR and EAGAIN restart an ioctl unless that is switched off',
  { skip: noFilter },
  async (t) => {
    const path = join(t.testdir(), 'calls');
    for (const errno of [E.EINTR, E.EAGAIN]) {
      const result = JSON.stringify({ ret: -1, errno });
      t.equal(runInterrupted(errno, { restart: false }, path), result);
      t.match(readCallLogFile(path).at(-1)?.facts, { state: 'done', errno, restarts: 0 });
    }
    t.equal(runInterrupted(E.EBUSY, {}, path), JSON.stringify({ ret: -1, errno: E.EBUSY }));
  },
);

t.test(
  'a call that never returns is named by the log its killed process left',
  { skip: noFilter },
  async (t) => {
    const path = join(t.testdir(), 'calls');
    t.equal(runInterrupted(E.EAGAIN, {}, path, STARTED_MS), 'SIGKILL');
    const last = readCallLogFile(path).at(-1);
    t.match(last?.facts, {
      state: 'in flight',
      command: 'TEST_INTERRUPTED',
      request: REQUEST,
      fd: 0,
    });
  },
);
