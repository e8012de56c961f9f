import t from 'tap';
import type { KernelLine } from '../../../reports/results.ts';
import { parseDrmMemory, sessionGrowth } from '../session-growth.ts';
import { grown } from './growth.ts';
import { LOST } from './kernel-log.ts';
import { describeKmemleak, parseKmemleak } from './kmemleak.ts';
import { lookAgain } from './patience.ts';
import { PointLog } from './point-log.ts';
import { isOurs, processName } from './processes.ts';
import { parseSlabinfo, slabNote } from './slabs.ts';

/** What the watch reads, as text; that it notices is shown on real kernels, in ci/lab. */

const KMEMLEAK = `unreferenced object 0xffff8881031be300 (size 192):
  comm "modprobe", pid 213, jiffies 4294669201
  hex dump (first 32 bytes):
    6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b  kkkkkkkkkkkkkkkk
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
  backtrace (crc 5ad2c1f0):
    kmalloc_trace+0x25/0x90
    vgem_open+0x23/0x60 [vgem]
unreferenced object (percpu) 0x607c00001000 (size 8):
  comm "a "b", c", pid 7, jiffies 12
  hex dump (first 8 bytes on cpu 1):
    00 00 00 00 00 00 00 00                          ........
  backtrace (crc 0):
`;

t.test('kmemleak objects are read with who made them and where', async (t) => {
  const leaked = parseKmemleak(KMEMLEAK);
  t.strictSame(leaked, [
    {
      sizeBytes: 192,
      task: 'modprobe (213)',
      backtrace: ['kmalloc_trace+0x25/0x90', 'vgem_open+0x23/0x60 [vgem]'],
    },
    { sizeBytes: 8, task: 'a "b", c (7)', backtrace: [] },
  ]);
  t.strictSame(parseKmemleak(''), []);
  const many = Array.from({ length: 12 }, () => leaked)
    .flat()
    .slice(0, 12);
  t.equal(describeKmemleak(many).at(-1), 'kmemleak: and 2 more');
  t.match(describeKmemleak(leaked)[0], /192 bytes .* by modprobe \(213\), allocated in kmalloc/);
});

t.test('slab caches that grew are named, the biggest first', async (t) => {
  const header = 'slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize>\n';
  const row = (name: string, active: number) =>
    `${name}  ${active} ${active + 4}   192   21    1 : tunables    0    0    0 : slabdata  1  1  0\n`;
  const before = parseSlabinfo(
    `${header}${row('dentry', 10)}${row('inode', 5)}${row('kmalloc', 9)}`,
  );
  const after = parseSlabinfo(
    `${header}${row('dentry', 2010)}${row('inode', 905)}${row('kmalloc', 5009)}`,
  );
  t.equal(before.size, 3);
  t.match(slabNote(before, after)[0], /: kmalloc \+5000, dentry \+2000$/);
  t.strictSame(slabNote(before, before), []);
  t.strictSame(slabNote(new Map(), after), [], 'nothing is known of before');
});

t.test('only what is more is growth', async (t) => {
  const growth = grown(
    new Map([
      ['pd', 1],
      ['qp', 2],
    ]),
    new Map([
      ['pd', 2],
      ['qp', 1],
      ['mr', 1],
    ]),
  );
  t.strictSame(growth, [
    { name: 'pd', before: 1, after: 2 },
    { name: 'mr', before: 0, after: 1 },
  ]);
});

t.test('a look is repeated as long as something is found', async (t) => {
  // The pauses alone do not keep a process.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  const found = [['a', 'b'], ['b'], []];
  t.strictSame(
    await lookAgain(
      async () => found.shift() ?? [],
      (one) => one.length === 0,
    ),
    [],
  );
  t.strictSame(
    await lookAgain(
      async () => ['stays'],
      (one) => one.length === 0,
    ),
    ['stays'],
  );
});

const FDINFO = `pos:\t0
drm-driver:\tpanfrost
drm-client-id:\t7
drm-total-memory:\t8 KiB
drm-shared-memory:\t0
drm-active-memory:\t4 KiB
drm-resident-memory:\t8 KiB
drm-memory-vram:\t1 MiB
`;

t.test('the memory of a DRM file is read, and what is more at the end is told', async (t) => {
  const before = parseDrmMemory(FDINFO);
  t.strictSame(Object.fromEntries(before), {
    'drm-total-memory': 8192,
    'drm-shared-memory': 0,
    'drm-memory-vram': 1024 ** 2,
  });
  const after = parseDrmMemory(FDINFO.replace('total-memory:\t8 KiB', 'total-memory:\t12 KiB'));
  t.strictSame(
    sessionGrowth(before, () => after),
    ['drm-total-memory 12288 bytes, 8192 when the session was opened'],
  );
  const late = [after, before];
  t.strictSame(
    sessionGrowth(before, () => late.shift() ?? before),
    [],
    'dropped a little later',
  );
  t.strictSame(
    sessionGrowth(new Map(), () => after),
    [],
    'no such keys, no opinion',
  );
});

const line = (text: string, sign?: string): KernelLine => ({
  ...{ timeUs: 7, level: 6, text },
  ...(sign !== undefined && { sign }),
});

t.test('a flood in the kernel log hides neither signs nor what was announced', async (t) => {
  const log = new PointLog(['WARNING: .* late']);
  for (let at = 0; at < 250; at++) log.add(line(`noise ${at}`));
  t.notOk(log.isComplete);
  for (let at = 0; at < 300; at++) log.add(line(`UBSAN: ${at}`, 'UBSAN'));
  log.add(line('WARNING: at last, late', 'WARNING'));
  t.ok(log.isComplete);
  const lines = log.lines();
  t.equal(lines.filter(({ text }) => text.startsWith('noise')).length, 200);
  t.equal(lines.filter(({ sign }) => sign === 'UBSAN').length, 200);
  t.match(lines.at(-2), { sign: 'WARNING' });
  t.strictSame(lines.at(-1), { timeUs: 7, level: 4, text: '150 more lines were left out' });
  t.equal(log.isTorn, false);
});

t.test('that kernel log records were lost is said once', async (t) => {
  const log = new PointLog([]);
  for (const one of [line('a'), LOST, line('b'), LOST]) log.add(one);
  t.ok(log.isTorn);
  t.strictSame(
    log.lines().map(({ text }) => text),
    ['a', LOST.text, 'b'],
  );
});

t.test('a process is ours when it descends from this one', async (t) => {
  t.ok(isOurs(process.pid));
  t.notOk(isOurs(1));
  t.match(processName(process.pid), new RegExp(`\\(${process.pid}\\)$`));
  t.equal(processName(0x7fffffff), undefined);
});
