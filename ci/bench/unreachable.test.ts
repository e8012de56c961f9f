import t from 'tap';
import type { TracedFunction } from './executed-functions.ts';
import { excusedIn, missedByReason, refuted } from './unreachable.ts';

const ran = (name: string, module = 'm'): TracedFunction => ({ module, name, isExecuted: true });
const missed = (name: string, module = 'm'): TracedFunction => ({
  ...ran(name, module),
  isExecuted: false,
});

t.test('what did not run is grouped by its reason', (t) => {
  const reasons = [{ reason: 'no op', source: 'file.c', functions: ['a', 'b'] }];
  const groups = missedByReason([missed('a.isra.0'), missed('c'), ran('d')], reasons);
  t.strictSame(
    groups.map(({ functions }) => functions),
    [['m: a.isra.0'], ['m: c']],
  );
  t.strictSame(refuted([ran('b'), ran('c')], reasons), ['m: b']);
  t.end();
});

t.test('a name stands for all copies of a function, in any module', (t) => {
  const reasons = [{ reason: 'no op', source: 'file.c', functions: ['a'] }];
  const all = [missed('a'), missed('a.part.0'), missed('a', 'other')];
  const names = ['m: a', 'm: a.part.0', 'other: a'];
  t.strictSame(
    missedByReason(all, reasons).map(({ functions }) => functions),
    [names],
  );
  const allRan = all.map((item) => ({ ...item, isExecuted: true }));
  t.strictSame(refuted(allRan, reasons), names);
  t.end();
});

t.test('a name with its module stands for one copy', (t) => {
  const reasons = [{ reason: 'inlined', source: 'file.c', functions: ['m: a', 'm: b.part.0'] }];
  const list = [missed('a'), missed('a.part.0'), missed('a', 'other'), missed('b.part.0')];
  t.strictSame(
    missedByReason(list, reasons).map(({ functions }) => functions),
    [
      ['m: a', 'm: b.part.0'],
      ['m: a.part.0', 'other: a'],
    ],
  );
  t.strictSame(refuted([ran('a.part.0'), ran('a', 'other'), ran('b')], reasons), []);
  t.strictSame(refuted([ran('a'), ran('b.part.0')], reasons), ['m: a', 'm: b.part.0']);
  t.end();
});

t.test('functions of a bench are excused as its list says', (t) => {
  const excused = excusedIn('rdma');
  t.ok(excused(missed('rxe_setup_udp_tunnel.constprop.0', 'rdma_rxe')));
  t.ok(excused(missed('ib_uverbs_async_handler', 'ib_uverbs')));
  t.notOk(excused(missed('ib_uverbs_async_handler.part.0', 'ib_uverbs')));
  t.ok(excused(missed('abi_version_show', 'rdma_ucm')));
  t.notOk(excused(missed('abi_version_show', 'ib_uverbs')));
  t.notOk(excused(missed('rxe_post_send', 'rdma_rxe')));
  t.end();
});
