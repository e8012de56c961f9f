import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import koffi from 'koffi';
import { CallLog, setCallLog } from '../../uapi/call-log.ts';
import { O_CLOEXEC, O_RDONLY } from '../../uapi/constants.ts';
import { Fd } from '../../uapi/fd.ts';
import { array, command, u32, u64 } from '../../uapi/fields.ts';
import { encodeIoc, IOC_READ } from '../../uapi/ioc.ts';
import { tryIoctl } from '../../uapi/ioctl.ts';
import { Struct } from '../../uapi/layout.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { open } from '../../uapi/sys.ts';

/**
 * What an ioctl costs through uapi, as a multiple of the same call from C, with Python's fcntl
 * module beside it. Rounds of all peers are interleaved and the best of each counts, so that a
 * busy machine disturbs all alike. Run: node build/ci/bench/ioctl.js
 */

const ROUNDS = 9;
/** Calls of a round where a call takes no longer than on ordinary hardware; fewer in an emulator. */
const MOST_CALLS = 100_000;
const ROUND_MS = 60;
let calls = MOST_CALLS;

/** The three things measured: an ioctl that works, one that fails, one with a 64-byte struct. */
const SUBJECTS = ['works', 'fails', 'struct'] as const;
type Subject = (typeof SUBJECTS)[number];

const PEERS = ['C', 'koffi, bare', 'uapi', 'uapi, logged', 'Python'] as const;
type Peer = (typeof PEERS)[number];

type Times = Record<Subject, number>;

/** Only the lab's guest has it; the targets are for real hardware. */
const isGuest = existsSync('/run/lab');

/** The most that a call may cost, in calls from C. */
const TARGETS: Partial<Record<Peer, Partial<Times>>> = {
  uapi: { works: 1.7 },
  'uapi, logged': { struct: 3 },
};

const RNDGETENTCNT = encodeIoc({ direction: IOC_READ, type: 0x52, nr: 0, size: 4 });

const PYTHON = `
import fcntl, os, struct, sys, time
calls = int(sys.argv[1])
fd = os.open('/dev/urandom', os.O_RDONLY)
closed = os.dup(fd)
os.close(closed)
arg = bytearray(64)
put, get = struct.Struct('<I').pack_into, struct.Struct('<I').unpack_from
def works():
    for i in range(calls): fcntl.ioctl(fd, ${RNDGETENTCNT}, arg)
def fails():
    for i in range(calls):
        try: fcntl.ioctl(closed, ${RNDGETENTCNT}, arg)
        except OSError: pass
def typed():
    for i in range(calls):
        put(arg, 4, i & 255)
        fcntl.ioctl(fd, ${RNDGETENTCNT}, arg)
        get(arg, 0)
for name, call in ('works', works), ('fails', fails), ('struct', typed):
    start = time.perf_counter_ns()
    call()
    print(name, (time.perf_counter_ns() - start) / calls)
`;

interface Sample {
  count: number;
  flags: number;
  address: bigint;
  reserved: bigint[];
}

const sample = new Struct<Sample>({
  name: 'sample',
  size: 64,
  size32: 64,
  fields: () => [
    u32('count', 0),
    u32('flags', 4),
    u64('address', 8),
    array('reserved', u64('', 0), 6, 16),
  ],
});

const readCount = command<Sample>('BENCH_READ_COUNT', RNDGETENTCNT, RNDGETENTCNT, 'int', sample);

/** Nanoseconds per call of one round. */
function time(call: (i: number) => void): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) call(i);
  return Number(process.hrtime.bigint() - start) / calls;
}

function timeUapi(fd: number): Times {
  const arg = sample.make();
  let seen = 0;
  const times = {
    works: time(() => tryIoctl(fd, readCount, arg)),
    fails: time(() => tryIoctl(-1, readCount, arg)),
    struct: time((i) => {
      sample.set(arg, 'flags', i & 0xff);
      tryIoctl(fd, readCount, arg);
      seen += sample.get(arg, 'count');
    }),
  };
  if (seen === 0) throw new Error('the ioctl did not fill its argument');
  return times;
}

/** What the call costs without uapi: no result object, no errno, no log. */
function timeKoffi(fd: number): Times {
  const bare: (fd: number, request: number, arg: Uint8Array) => number = koffi
    .load(null)
    .func('int ioctl(int fd, unsigned long request, void *arg)');
  const arg = Buffer.alloc(sample.size);
  let seen = 0;
  const times = {
    works: time(() => bare(fd, RNDGETENTCNT, arg)),
    fails: time(() => bare(-1, RNDGETENTCNT, arg)),
    struct: time((i) => {
      arg.writeUInt32LE(i & 0xff, 4);
      bare(fd, RNDGETENTCNT, arg);
      seen += arg.readUInt32LE(0);
    }),
  };
  if (seen === 0) throw new Error('the ioctl did not fill its argument');
  return times;
}

function timeLogged(fd: number): Times {
  setCallLog(new CallLog());
  try {
    return timeUapi(fd);
  } finally {
    setCallLog(undefined);
  }
}

/** Reads the lines `NAME NANOSECONDS` of a peer process. */
function parseTimes(output: string): Times {
  const byName = new Map(
    output
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([name = '', ns]) => [name, Number(ns)]),
  );
  const of = (subject: Subject): number => byName.get(subject) ?? Number.NaN;
  return { works: of('works'), fails: of('fails'), struct: of('struct') };
}

function timePeer(file: string, args: readonly string[]): Times {
  return parseTimes(execFileSync(file, [...args, String(calls)], { encoding: 'utf8' }));
}

function compilePeer(dir: string): string {
  const binary = join(dir, 'ioctl-peer');
  const source = join(projectRoot(), 'ci/bench/ioctl-peer.c');
  execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-o', binary, source], { stdio: 'inherit' });
  return binary;
}

/** The best of all rounds, per peer and subject; a peer that is not installed is left out. */
function measure(binary: string): Map<Peer, Times> {
  using fd = new Fd(open('/dev/urandom', O_RDONLY | O_CLOEXEC));
  const hasPython = spawnSync('python3', ['--version']).status === 0;
  const rounds: Record<Peer, () => Times | undefined> = {
    C: () => timePeer(binary, []),
    'koffi, bare': () => timeKoffi(fd.number),
    uapi: () => timeUapi(fd.number),
    'uapi, logged': () => timeLogged(fd.number),
    Python: () => (hasPython ? timePeer('python3', ['-c', PYTHON]) : undefined),
  };
  calls = affordableCalls(binary);
  const best = new Map<Peer, Times>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const peer of PEERS) {
      const times = rounds[peer]();
      if (times !== undefined) best.set(peer, lower(best.get(peer), times));
    }
  }
  return best;
}

/** As many calls as keep a round of the slowest peer short. */
function affordableCalls(binary: string): number {
  calls = 10_000;
  const { works } = timePeer(binary, []);
  return Math.min(MOST_CALLS, Math.round((ROUND_MS * 1e6) / works));
}

function lower(a: Times | undefined, b: Times): Times {
  if (a === undefined) return b;
  return {
    works: Math.min(a.works, b.works),
    fails: Math.min(a.fails, b.fails),
    struct: Math.min(a.struct, b.struct),
  };
}

function cell(peer: Peer, subject: Subject, ns: number, baseNs: number): string {
  const ratio = ns / baseNs;
  const target = isGuest ? undefined : TARGETS[peer]?.[subject];
  const judged = target === undefined ? '' : ` ${ratio <= target ? '<=' : 'ABOVE'} ${target}`;
  return `${ratio.toFixed(2)}${judged} (${ns.toFixed(0)} ns)`;
}

function render(best: Map<Peer, Times>): string {
  const base = best.get('C');
  if (base === undefined) throw new Error('the C peer gave no times');
  const head = ['times the call from C', 'works', 'fails (EBADF)', '64-byte struct, set and get'];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const [peer, times] of best) {
    table.push([peer, ...SUBJECTS.map((s) => cell(peer, s, times[s], base[s]))]);
  }
  return table.toString();
}

const dir = mkdtempSync(join(tmpdir(), 'uapi-bench-'));
try {
  const best = measure(compilePeer(dir));
  console.log(render(best));
  if (!best.has('Python')) console.log('Python is left out: python3 is not installed');
} finally {
  rmSync(dir, { recursive: true });
}
