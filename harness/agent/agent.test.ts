import t from 'tap';
import type { WirePoint } from '../protocol.ts';
import { Expired, within, withinActivity } from './limits.ts';
import { lostCommand } from './lost-call.ts';
import { patternBytes } from './pattern.ts';
import { parseOutput } from './peer-protocol.ts';
import { ReleaseStack } from './release.ts';
import { Scheduler } from './scheduler.ts';
import { Scope } from './scope.ts';
import { CaseDefect, describe, show } from './values.ts';
import { parseBufinfo } from './watch/dma-bufs.ts';
import { parseRecord } from './watch/kernel-log.ts';
import { signOf } from './watch/kernel-signs.ts';

/** The pure parts of the target half; the rest is shown on real kernels, in ci/lab. */

t.test('a pattern depends on the position alone', async (t) => {
  for (const pattern of ['counter', 'seed:7']) {
    const whole = patternBytes(pattern, 0n, 64);
    for (const [from, length] of [
      [0, 64],
      [4, 8],
      [3, 9],
      [17, 1],
    ] as const) {
      const part = patternBytes(pattern, BigInt(from), length);
      t.strictSame(part, whole.subarray(from, from + length), `${pattern} from ${from}`);
    }
  }
  t.notSame(patternBytes('seed:1', 0n, 64), patternBytes('seed:2', 0n, 64), 'seeds differ');
  t.strictSame(patternBytes('byte:0xa5', 9n, 2), Buffer.from([0xa5, 0xa5]));
  t.throws(() => patternBytes('stripes', 0n, 1), CaseDefect);
});

t.test('a scope resolves names, fields and sizes', async (t) => {
  const outer = new Scope();
  outer.set('size', '2 pages');
  const scope = new Scope(outer);
  scope.set('stat', { kind: 'record', fields: { size: 4096n, items: [{ id: 7 }] } });
  t.equal(scope.resolve('$stat.size'), 4096n);
  t.equal(scope.resolve('$stat.items[0].id'), 7);
  t.equal(scope.size('$stat.size+1'), 4097n);
  t.equal(scope.size('$size') % 4096n, 0n, 'a parameter that is a size');
  t.throws(() => scope.resolve('$nobody'), CaseDefect);
  t.throws(() => scope.resolve('$stat.sise'), /only size, items/);
});

t.test('values are described on one line', async (t) => {
  t.equal(describe({ kind: 'dmabuf', fd: 7, closed: false }), 'dmabuf fd=7');
  t.equal(show({ a: [1, 2], b: 0x12345 }), '{a=[1 2] b=0x12345}');
});

t.test('release goes in reverse and tells what failed', async (t) => {
  const order: string[] = [];
  const release = new ReleaseStack();
  for (const [name, errno] of [
    ['a', 0],
    ['b', 9],
    ['c', 0],
  ] as const) {
    release.push(name, () => {
      order.push(name);
      return errno;
    });
  }
  t.strictSame(release.releaseTo(1), [{ what: 'b', errno: 9 }]);
  t.strictSame(order, ['c', 'b']);
  t.equal(release.depth, 1);
});

t.test('what waits for all the rest is released last, and not with a part', async (t) => {
  const order: string[] = [];
  const release = new ReleaseStack();
  const entry = (name: string) => [name, () => Number(order.push(name) === 0)] as const;
  release.pushLast(...entry('first'));
  release.push(...entry('a'));
  release.pushLast(...entry('last'));
  release.push(...entry('b'));
  release.releaseTo(1);
  t.strictSame(order, ['b']);
  release.releaseTo(0);
  t.strictSame(order, ['b', 'a', 'last', 'first']);
  release.releaseTo(0);
  t.equal(order.length, 4, 'once');
});

function point(id: string, addresses: readonly string[], exclusive = false): WirePoint {
  const devices = Object.fromEntries(addresses.map((address, i) => [`role${i}`, address]));
  const limits = { timeoutMs: 1000, inactivityMs: 0 };
  return { id, case: 'a/b/c', parameters: {}, devices, exclusive, ...limits };
}

t.test('points run side by side unless they share a device or want to be alone', async (t) => {
  const scheduler = new Scheduler(3);
  const ids = () => scheduler.next()?.id;
  for (const one of [
    point('a', ['x']),
    point('b', ['x', 'y']),
    point('c', ['z']),
    point('alone', ['w'], true),
    point('d', ['w']),
  ]) {
    scheduler.add(one);
  }
  t.equal(ids(), 'a');
  t.equal(ids(), 'c', 'b waits for x');
  t.equal(ids(), undefined, 'nobody overtakes the point that wants to be alone');
  for (const running of [...scheduler.running]) scheduler.finish(running);
  const b = scheduler.next();
  t.equal(b?.id, 'b');
  t.equal(ids(), undefined);
  if (b !== undefined) scheduler.finish(b);
  t.equal(ids(), 'alone');
  t.equal(ids(), undefined, 'nothing starts beside it');
  t.strictSame(
    scheduler.cancel().map(({ id }) => id),
    ['d'],
  );
});

const LOG_RECORDS = [
  ['4,1,99,-;WARNING: CPU: 0 PID: 1 at mm/page.c:3', 'WARNING'],
  ['3,1,99,-;BUG: KASAN: slab-use-after-free in f', 'KASAN'],
  ['4,1,99,-;refcount_t: underflow; use-after-free.', 'refcount'],
  ['3,1,99,-;INFO: task node:12 blocked for more than 120 seconds.', 'hung task'],
  ['6,1,99,-;vgem: nothing special; really', undefined],
  ['12,1,99,-;WARNING: written by user space', undefined],
] as const;

t.test('kernel log records are read and classified', async (t) => {
  for (const [record, sign] of LOG_RECORDS) t.equal(parseRecord(record).sign, sign, record);
  t.strictSame(parseRecord('3,5,17,-;a;b\n SUBSYSTEM=pci'), { timeUs: 17, level: 3, text: 'a;b' });
  t.equal(signOf('Kernel panic - not syncing: sysrq'), 'panic');
});

t.test('dma-bufs are read from bufinfo', async (t) => {
  const text = [
    'Dma-buf Objects:',
    'size    \tflags   \tmode    \tcount   \texp_name\tino     \tname',
    '00004096\t00000002\t00080007\t00000001\tsystem\t00000021\t<none>',
    '\tAttached Devices:',
    'Total 0 devices attached',
    'Total 1 objects, 4096 bytes',
  ].join('\n');
  t.strictSame(parseBufinfo(text), [{ sizeBytes: 4096, exporter: 'system', inode: 21 }]);
});

t.test('a limit ends what does not end', async (t) => {
  const never = new Promise<never>(() => {});
  t.equal(await within(1000, Promise.resolve(3)), 3);
  await t.rejects(within(5, never), Expired);
  const limits = { timeoutMs: 5000, inactivityMs: 600 };
  const reason = (error: unknown) => error;
  const looks = (activity: () => string) => ({ activity, check: () => {} });
  const silent = await withinActivity(
    limits,
    looks(() => 'same'),
    never,
  ).catch(reason);
  t.match(silent, { limit: 'inactivity' });
  let count = 0;
  const lively = { timeoutMs: 1500, inactivityMs: 900 };
  const busy = await withinActivity(
    lively,
    looks(() => String(count++)),
    never,
  ).catch(reason);
  t.match(busy, { limit: 'time' });
  const over = {
    activity: () => '',
    check() {
      throw new Error('over');
    },
  };
  const said = await withinActivity({ timeoutMs: 5000, inactivityMs: 0 }, over, never).catch(
    reason,
  );
  t.match(said, { message: 'over' });
});

t.test('a call of a dead worker is found by name, ioctl of a header or not', async (t) => {
  const commands = { lookUp: () => undefined };
  for (const name of ['uverbs PD.PD_DESTROY', 'uverbs write ALLOC_PD', 'RDMA_USER_CM_CMD_BIND']) {
    t.match(await lostCommand(name, commands), { name }, name);
  }
  t.equal(await lostCommand('mmap', commands), undefined);
});

t.test('what a peer printed tells its last step and its report', async (t) => {
  const text = '{"entered":"1"}\nnoise\n{"entered":"2"}\n{"report":{"given":[]}}\n';
  t.strictSame(parseOutput(text), { entered: '2', report: { given: [] } });
  t.strictSame(parseOutput('{"entered":"3"}\n'), { entered: '3', report: undefined });
});
