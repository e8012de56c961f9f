import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { TracedFunction } from '../executed-functions.ts';
import { readReasons } from '../unreachable.ts';
import { type CoreIoctl, moduleSymbols, parseTable } from './core-ioctls.ts';
import { handlersOf } from './handlers.ts';
import { parseIgt } from './igt.ts';
import { KernelMemory } from './kernel-memory.ts';
import { type Measurement, watchedParts } from './measurement.ts';
import { comparison } from './table.ts';

t.test('results of subtests and of whole programs are told from the rest', (t) => {
  const output = [
    'IGT-Version: 2.5 (x86_64)',
    'Starting subtest: create',
    'Subtest create: SUCCESS (0.003s)',
    'Subtest unknown-handle: FAIL (0.1s)',
    'Dynamic subtest x: SUCCESS (0.1s)',
    'SKIP (0.010s)',
    'SKIP is a word',
  ].join('\n');
  t.strictSame(parseIgt(output), [
    { name: 'create', verdict: 'SUCCESS' },
    { name: 'unknown-handle', verdict: 'FAIL' },
    { name: '', verdict: 'SKIP' },
  ]);
  t.end();
});

t.test('functions of the kernel proper are known by the names of their files', (t) => {
  const watched = watchedParts(new Set(['drm_version']));
  t.equal(watched('vgem_open', 'vgem'), 'vgem');
  t.equal(watched('drm_version', 'drm'), 'drm');
  t.equal(watched('drm_open', 'drm'), undefined);
  t.equal(watched('dma_heap_open', ''), 'dma-heap');
  t.equal(watched('get_sg_table.isra.0', ''), 'udmabuf');
  t.equal(watched('begin_cpu_udmabuf', ''), 'udmabuf');
  t.equal(watched('dma_buf_poll', ''), 'dma-buf');
  t.equal(watched('dma_heap_open', 'other'), undefined);
  t.equal(watched('do_exit', ''), undefined);
  t.end();
});

t.test('memory is read by the segments of a core file', (t) => {
  const core = Buffer.alloc(0x200);
  core.writeBigUInt64LE(64n, 32);
  core.writeUInt16LE(2, 56);
  core.writeUInt32LE(4, 64);
  core.writeUInt32LE(1, 120);
  core.writeBigUInt64LE(0x180n, 120 + 8);
  core.writeBigUInt64LE(0xffff_ffff_c000_0000n, 120 + 16);
  core.writeBigUInt64LE(0x80n, 120 + 32);
  core.write('DRM_IOCTL_VERSION\0', 0x190, 'latin1');
  const path = join(t.testdir(), 'kcore');
  writeFileSync(path, core);
  using memory = new KernelMemory(path);
  t.equal(memory.readString(0xffff_ffff_c000_0010n), 'DRM_IOCTL_VERSION');
  t.throws(() => memory.read(0xffff_ffff_c000_0010n, 0x80), /no kernel memory/);
  t.end();
});

t.test('the table of ioctls is read without holes and without what is gone', (t) => {
  const kallsyms = [
    'ffffffffc0000200 t drm_noop\t[drm]',
    'ffffffffc0000100 t drm_version\t[drm]',
    'ffffffffc0000100 t other\t[vgem]',
    'ffffffff81000000 T do_exit',
  ].join('\n');
  const symbols = moduleSymbols(kallsyms, 'drm');
  t.strictSame(
    symbols.map(({ name }) => name),
    ['drm_version', 'drm_noop'],
  );
  const table = Buffer.alloc(3 * 24);
  table.writeBigUInt64LE(0xffff_ffff_c000_0100n, 8);
  table.writeBigUInt64LE(0xffff_ffff_c000_0200n, 2 * 24 + 8);
  t.strictSame(
    parseTable(table, symbols, () => 'DRM_IOCTL_VERSION'),
    [{ name: 'DRM_IOCTL_VERSION', functionName: 'drm_version', address: 0xffffffffc0000100n }],
  );
  t.end();
});

t.test('a handler has run when its function has, and succeeded when one call did', (t) => {
  const ioctls: readonly CoreIoctl[] = [
    { name: 'A', functionName: 'drm_a', address: 1n },
    { name: 'A2', functionName: 'drm_a', address: 1n },
    { name: 'B', functionName: 'drm_b', address: 2n },
  ];
  const functions = [
    { module: 'drm', name: 'drm_a.isra.0', isExecuted: true },
    { module: 'drm', name: 'drm_b', isExecuted: true },
  ];
  const row = (func: bigint, ret: bigint) => new Map(Object.entries({ func, ret }));
  const returns = [row(1n, 0n), row(2n, 18446744073709551594n)];
  const found = handlersOf(ioctls, functions, returns);
  t.strictSame(found, [
    { functionName: 'drm_a', ioctls: ['A', 'A2'], isExecuted: true, hasSucceeded: true },
    { functionName: 'drm_b', ioctls: ['B'], isExecuted: true, hasSucceeded: false },
  ]);
  const [unknown] = handlersOf(ioctls, functions, []);
  t.notOk(unknown !== undefined && 'hasSucceeded' in unknown);
  t.end();
});

function measurementOf(handlers: number, functions: readonly TracedFunction[]): Measurement {
  const all = Array.from({ length: 66 }, (_, index) => ({
    functionName: `drm_handler_${index}`,
    ioctls: [],
    isExecuted: index < handlers,
  }));
  const times = { executed: 2000, passed: 1990, skipped: 10, seconds: 100, commandSeconds: 110 };
  const ours = { times, coverage: { functions, handlers: all } };
  return { kernel: '6.12', providers: ['vgem'], ours, ourCases: 300 };
}

t.test('the table says which goals are met, and what the peer was when it is not there', (t) => {
  const open = { module: 'vgem', name: 'vgem_open', isExecuted: true };
  const missed = { module: 'udmabuf', name: 'udmabuf_ioctl', isExecuted: false };
  const text = comparison(measurementOf(66, [open, missed]));
  t.match(text, /measured before: 74 \(253 skipped\)/);
  t.match(text, /20\.0 = 25\.7 times \| met: >= 20 times/);
  t.match(text, /66 of 66 \| met: >= 58/);
  t.match(text, /functions of vgem run \| 8 of 14 \| 1 of 1 \| met/);
  t.match(text, /functions of udmabuf run \| 0 \| 0 of 1 \| \*\*missed:\*\*/);
  t.match(text, /reachable as far as is known: udmabuf: udmabuf_ioctl/);
  t.end();
});

t.test('handlers that are missed without a reason miss the goal', (t) => {
  t.match(comparison(measurementOf(60, [])), /60 of 66 \| \*\*missed:\*\* >= 58/);
  t.end();
});

t.test('each listed function has one reason, and each reason a source', (t) => {
  const reasons = readReasons('drm');
  const all = reasons.flatMap(({ functions }) => functions);
  t.equal(new Set(all).size, all.length);
  t.ok(reasons.every(({ source }) => /\.[ch], /.test(source)));
  t.end();
});
