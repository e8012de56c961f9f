import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { PointRecord, Verdict } from '../../reports/results.ts';
import { runSuite } from './run-cli.ts';

t.setTimeout(600_000);

/** The harness proves itself: devices with forced outcomes, and the verdict that each must get. */

const ARGUMENTS = [
  ...['--target', 'vm', '--provider', 'build/ci/lab/forced', '--cases', 'ci/lab/forced/cases'],
  // One at a time: what the kernel says is then exactly one point's.
  ...['--jobs', '1'],
];

const VERDICTS: Readonly<Record<string, readonly [Verdict, RegExp | undefined]>> = {
  pass: ['pass', undefined],
  refuse: ['fail', /step 1: expected success, got ENOSPC/],
  segv: ['crash', /SIGSEGV in step 1/],
  exit: ['crash', /exit 7 in step 1/],
  hang: ['hang', /in step 1, .*poll.*did not return/],
  throw: ['fail', /defect of the suite: Error: a provider that throws/],
  leak: ['fail', /fd \d+ \(\/dev\/null\)/],
  taint: ['unhealthy', /taint/],
  panic: ['crash', /panicked: sysrq triggered crash/],
  'no-node': ['skip', /ENOENT/],
  'no-privilege': ['skip', /EACCES/],
  'no-device': ['skip', /ENODEV/],
};

t.test('every forced outcome gets its verdict', async (t) => {
  const output = t.testdir();
  const { status, run, stderr } = await runSuite(output, [...ARGUMENTS, 'forced/outcome/**']);
  const point = (id: string): PointRecord | undefined => run.points.find((one) => one.id === id);
  t.equal(status, 1, stderr);
  t.equal(run.end?.outcome, 'complete', 'the run went on to its end');
  for (const [device, [verdict, reason]] of Object.entries(VERDICTS)) {
    const { verdict: got, reason: why } = point(`forced/outcome/allocate@forced@${device}`) ?? {};
    t.equal(got, verdict, `${device}: ${why}`);
    if (reason !== undefined) t.match(why, reason, `${device} says why`);
    const after = point(`forced/outcome/after@forced@${device}`)?.verdict;
    t.equal(after, verdict === 'skip' ? 'skip' : 'pass', `${device} is driven after that`);
  }
  const skips = new Set(run.points.flatMap(({ skip }) => skip ?? []));
  const classes = ['excluded', 'no-device', 'no-feature', 'no-node', 'no-privilege'];
  t.strictSame([...skips].sort(), classes, 'skips of each class');
  t.equal(run.targets.length, 2, 'the guest was booted again after the panic');
  const panic = point('forced/outcome/allocate@forced@panic');
  t.match(panic?.console, /Kernel panic/, 'the console stands with the panic');
  const wrong = point('forced/outcome/wrong-expectation@forced@pass');
  t.match(wrong?.failure, { step: '2', expected: 'count = 1', actual: /^count = \d+$/ });
  const junit = readFileSync(join(output, 'junit.xml'), 'utf8');
  t.match(junit, /<failure[^>]*expected count = 1/, 'the wrong expectation is in the JUnit file');
});
