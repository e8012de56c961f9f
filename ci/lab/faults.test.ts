import t from 'tap';
import type { PointRecord, Verdict } from '../../reports/results.ts';
import { runSuite } from './run-cli.ts';

/** The harness on a driver that really misbehaves: each behaviour gets its verdict, and the run ends. */

const ARGUMENTS = [
  ...['--target', 'vm', '--provider', 'build/ci/lab/faults', '--cases', 'ci/lab/faults/cases'],
  ...['--jobs', '1'],
];

/** Device, verdict, what the reason says; and for what stays in the kernel, that the rest is skipped. */
const OUTCOMES: readonly (readonly [string, Verdict, RegExp?, 'skipped after'?])[] = [
  ['none', 'pass'],
  ['late', 'pass'],
  ['log', 'pass'],
  ['dmabuf', 'pass'],
  ['gone', 'unhealthy', /uapi-faults is gone; the module uapi_faults is gone/],
  ['leak-module', 'fail', /left behind: references to the module uapi_faults: \d before, \d after/],
  ['sleep', 'hang', /no end within .* in step 1, .*FAULTS_DO.* did not return/],
  ['too-late', 'hang', /FAULTS_DO.* did not return/],
  ['stall', 'hang', /FAULTS_DO.* did not return/],
  ['stall-logging', 'hang', /FAULTS_DO.* did not return/],
  ['uninterruptible', 'hang', /a worker that cannot be killed/, 'skipped after'],
  ['warn', 'unhealthy', /WARNING: .*uapi_faults\.c:\d+\s*faults_ioctl/],
  ['refcount', 'unhealthy', /refcount_t: underflow/],
  ['leak-fd', 'fail', /left behind: fd \d+ \(anon_inode:\[uapi-faults\]\)/],
  ['leak-dmabuf', 'fail', /left behind: a dma-buf of 12288 bytes from uapi-faults/],
  ['oops', 'crash', /died: SIG\w+ in step 1, .*FAULTS_DO.*NULL pointer dereference/],
  ['panic', 'crash', /the guest's kernel panicked: uapi-faults: a panic on demand/],
];

t.setTimeout(900_000);

t.test('each misbehaviour gets its verdict', async (t) => {
  const output = t.testdir();
  const only = OUTCOMES.flatMap(([device]) => ['--device', `faults@${device}`]);
  const { status, run, stderr } = await runSuite(output, [
    ...ARGUMENTS,
    ...only,
    'faults/fault/**',
  ]);
  const point = (id: string): PointRecord | undefined => run.points.find((one) => one.id === id);
  t.equal(status, 1, stderr.slice(-2000));
  t.equal(run.end?.outcome, 'complete', 'the run went on to its end');
  for (const [device, verdict, reason, after] of OUTCOMES) {
    const got = point(`faults/fault/allocate@faults@${device}`);
    t.equal(got?.verdict, verdict, `${device}: ${got?.reason}`);
    if (reason !== undefined) t.match(got?.reason, reason, `${device} says why`);
    const then = point(`faults/fault/after@faults@${device}`);
    const expected = after === undefined ? 'pass' : 'skip';
    t.equal(then?.verdict, expected, `${device} afterwards: ${then?.reason}`);
  }
  const hang = point('faults/fault/allocate@faults@sleep');
  t.match(hang?.failure?.detail, /faults_ioctl/, 'the kernel stack shows where it hangs');
  const warning = point('faults/fault/allocate@faults@warn');
  t.ok((warning?.kernelLog?.length ?? 0) > 10, 'the whole warning is attached');
});

/** Case, device, verdict, reason: what is announced must come, and nothing else may. */
const ANNOUNCED: readonly (readonly [string, string, Verdict, RegExp?])[] = [
  ['warning', 'warn', 'pass'],
  ['refcount', 'refcount', 'pass'],
  ['error', 'log', 'pass'],
  ['warning', 'none', 'fail', /^the kernel did not log \/WARNING: \.\*faults_ioctl\/$/],
  ['refcount', 'warn', 'fail', /did not log .*refcount_t: underflow.*; kernel log: WARNING/],
  ['error', 'refcount', 'fail', /did not log .*; kernel log: .*refcount/],
];

t.test('announced lines must come and do not speak against the kernel', async (t) => {
  const devices = ['none', 'log', 'warn', 'refcount'];
  const only = devices.flatMap((device) => ['--device', `faults@${device}`]);
  const args = [...ARGUMENTS, ...only, 'faults/announced'];
  const { status, run, stderr } = await runSuite(t.testdir(), args);
  t.equal(status, 1, stderr.slice(-2000));
  for (const [name, device, verdict, reason] of ANNOUNCED) {
    const got = run.points.find(({ id }) => id === `faults/announced/${name}@faults@${device}`);
    t.equal(got?.verdict, verdict, `${name} on ${device}: ${got?.reason}`);
    if (reason !== undefined) t.match(got?.reason, reason);
  }
  const unprivileged = await runSuite(t.testdir(), [...args, '--unprivileged']);
  for (const got of unprivileged.run.points) {
    t.match(got, { verdict: 'skip', skip: 'no-privilege', reason: /kernel log.*cannot be read/ });
  }
});
