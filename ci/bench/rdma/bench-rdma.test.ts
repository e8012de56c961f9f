import t from 'tap';
import type { TracedFunction } from '../executed-functions.ts';
import { readReasons } from '../unreachable.ts';
import { handlersOf } from './handlers.ts';
import { parseMessageRate, parsePerftest } from './perftest.ts';
import { parseUnittest } from './pyverbs.ts';

const ran = (name: string): TracedFunction => ({ module: 'ib_uverbs', name, isExecuted: true });
const missed = (name: string): TracedFunction => ({ ...ran(name), isExecuted: false });

t.test('the end of a unittest run tells executed from skipped', (t) => {
  const failed =
    'F.s\n----\nRan 273 tests in 100.156s\n\nFAILED (failures=1, errors=2, skipped=186)\n';
  const times = { executed: 87, passed: 84, skipped: 186, seconds: 100.156 };
  t.strictSame(parseUnittest(failed), times);
  const fine = parseUnittest('Ran 1 test in 0.5s\n\nOK\n');
  t.strictSame(fine, { executed: 1, passed: 1, skipped: 0, seconds: 0.5 });
  t.throws(() => parseUnittest('Traceback'), /no end of unittest/);
  t.end();
});

t.test('the median of perftest is found by its head', (t) => {
  const output = [
    ' #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]',
    ' 2       1000          18.62          64.36        23.95              28.44',
  ].join('\n');
  t.equal(parsePerftest(output), 23.95);
  t.equal(parsePerftest("Couldn't connect"), undefined);
  t.end();
});

t.test('the time of a message is found by its rate', (t) => {
  const output = [
    ' #bytes     #iterations    BW peak[MB/sec]    BW average[MB/sec]   MsgRate[Mpps]',
    ' 2          1000             0.02               0.02               0.008000',
  ].join('\n');
  t.equal(parseMessageRate(output), 125);
  t.equal(parseMessageRate("Couldn't connect"), undefined);
  t.end();
});

t.test('handlers are methods with a function of their own and write commands', (t) => {
  const functions = [
    ran('ib_uverbs_handler_UVERBS_METHOD_CQ_CREATE'),
    missed('ib_uverbs_ex_create_rwq_ind_table'),
    ran('ib_uverbs_alloc_pd'),
    ran('uverbs_destroy_def_handler'),
  ];
  const found = handlersOf(functions).map(({ name, isExecuted }) => [name, isExecuted]);
  t.strictSame(found, [
    ['command ALLOC_PD', true],
    ['command EX_CREATE_RWQ_IND_TBL', false],
    ['method CQ_CREATE', true],
  ]);
  t.end();
});

t.test('each listed function has one reason, and each reason a source', (t) => {
  const reasons = readReasons('rdma');
  const all = reasons.flatMap(({ functions }) => functions);
  t.equal(new Set(all).size, all.length);
  t.ok(reasons.every(({ source }) => /\.[ch], /.test(source)));
  t.end();
});
