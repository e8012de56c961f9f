import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { validateXML } from 'xmllint-wasm';
import type { Run, Verdict } from '../../reports/results.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { probeFirmware, runsGuest } from './accelerator.ts';
import { findQemu } from './qemu.ts';
import { runSuite, tally, type Variables } from './run-cli.ts';

t.setTimeout(1_800_000);

/** The whole suite on real kernels: the promise of `npm start`, asserted. */

interface Lab {
  readonly provider: string;
  /** A module of it is built from the kernel's source. */
  readonly isBuilt: boolean;
  /** The distribution's QEMU has no device for it. */
  readonly isOfNewerQemu: boolean;
}

function labs(): readonly Lab[] {
  const folder = join(projectRoot(), 'providers');
  const named = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'lab.json')));
  return named.sort().map((provider) => {
    const text = readFileSync(join(folder, provider, 'lab.json'), 'utf8');
    const { tree, qemu } = JSON.parse(text) as { readonly tree?: unknown; readonly qemu?: string };
    return { provider, isBuilt: tree !== undefined, isOfNewerQemu: qemu === 'newer' };
  });
}

const OF_ANY_QEMU = labs().flatMap(({ provider, isOfNewerQemu }) =>
  isOfNewerQemu ? [] : [provider],
);
/** One kernel is enough to show what is built: its source is 150 MB. */
const UNBUILT = labs().flatMap(({ provider, isBuilt }) => (isBuilt ? [] : [provider]));

/** What `npm start` runs; and a quarter of it on the newest kernel, for the time that it takes. */
const RUNS = [
  { kernel: 'debian-6.12', args: ['--sample'], providers: OF_ANY_QEMU },
  { kernel: 'newest', args: ['--sample', '--shard', '1/4', ...only(UNBUILT)], providers: UNBUILT },
];
/** What objects, memory and jobs are made of; the rest takes three minutes more. */
const OF_A_MODEL = ['info/**', 'alloc/**', 'register/**', 'submit/**', 'drivers/**'];
/** Drivers without a bus: those that an ordinary user of the group is tried on. */
const SOFTWARE_DRIVERS = ['dma-heap', 'udmabuf', 'vgem'];
/** Points that must have been executed; fewer means that something fell out of the plan. */
const LEAST_EXECUTED = 300;

function only(providers: readonly string[]): readonly string[] {
  return providers.flatMap((name) => ['--provider', name]);
}

async function junitErrors(path: string): Promise<readonly unknown[]> {
  const schema = readFileSync(join(projectRoot(), 'reports/junit.xsd'), 'utf8');
  const contents = readFileSync(path, 'utf8');
  const xml = [{ fileName: 'junit.xml', contents }];
  return (await validateXML({ xml, schema: [schema] })).errors;
}

/**
 * A run, and another one where the emulated guest fell silent and no point is to blame: that was seen once,
 * and says nothing of the cases.
 */
async function wholeRun(t: Test, args: readonly string[], variables?: Variables) {
  const folder = t.testdir();
  const first = join(folder, 'first');
  const result = await runSuite(first, args, variables);
  const isLost = result.status === 3 && /no point is to blame/.test(result.stderr);
  if (!isLost) return { output: first, ...result };
  t.comment(result.stderr.slice(-500));
  const second = join(folder, 'second');
  return { output: second, ...(await runSuite(second, args, variables)) };
}

/** Runs the suite and asserts that nothing surprises, and that these providers were driven. */
async function holds(
  t: Test,
  args: readonly string[],
  providers: readonly string[],
  variables?: Variables,
): Promise<Run> {
  const { output, status, stdout, stderr, run } = await wholeRun(t, args, variables);
  const bad = run.points.filter(
    ({ verdict }) => !['pass', 'skip', 'expected-fail', 'flake'].includes(verdict),
  );
  t.strictSame(
    bad.map(({ id, verdict, reason }) => ({ id, verdict, reason })),
    [],
    'no surprise',
  );
  t.equal(status, 0, stderr.slice(-2000));
  const counts = tally(run.points);
  const executed = run.points.length - (counts['skip'] ?? 0);
  t.ok(executed >= LEAST_EXECUTED, `${executed} points were executed`);
  // a point that no device fits has no provider
  const driven = new Set(run.points.flatMap(({ provider }) => provider || []));
  t.strictSame([...driven].sort(), providers, 'all drivers');
  t.equal(run.end?.outcome, 'complete');
  t.strictSame(await junitErrors(join(output, 'junit.xml')), [], 'JUnit is valid');
  t.match(stdout, /junit\.xml/, 'the JUnit file is named');
  t.comment(`${run.targets[0]?.kernel}: ${JSON.stringify(counts)}`);
  return run;
}

/** What each point came to as root, by kernel and id. */
const asRoot = new Map<string, ReadonlyMap<string, Verdict>>();

for (const { kernel, args, providers } of RUNS) {
  t.test(`every case holds on vm:${kernel}`, async (t) => {
    const run = await holds(t, ['--target', `vm:${kernel}`, ...args], providers);
    asRoot.set(kernel, new Map(run.points.map(({ id, verdict }) => [id, verdict])));
  });
}

t.test('the guest that probes an accelerator runs where the lab does', async (t) => {
  t.ok(await runsGuest(findQemu(), 'tcg', probeFirmware()), 'by emulation');
  const silent = probeFirmware().fill(0xf4);
  t.notOk(await runsGuest(findQemu(), 'tcg', silent, 500), 'and one that says nothing is none');
});

t.test('drivers hold on the models of their devices', async (t) => {
  // the kernel whose source is here for what else is built
  const target = ['--target', 'vm:debian-6.12', ...only(['rdma']), '--sample'];
  const devices = ['--device', 'rdma@efa_0', '--device', 'rdma@mlx5_*'];
  const args = [...target, ...devices, ...OF_A_MODEL];
  const { points } = await holds(t, args, ['rdma'], { UAPI_CONFORM_QEMU: 'newer' });
  const jobs = points.filter(({ id, verdict }) => id.startsWith('submit/') && verdict === 'pass');
  for (const device of ['efa_0', 'mlx5_0', 'mlx5_1']) {
    const own = jobs.filter(({ id }) => id.includes(device));
    t.ok(own.length > 30, `${own.length} jobs were verified on ${device}`);
  }
});

t.test('an ordinary user gets the same verdicts, or a skip for want of privilege', async (t) => {
  const areas = ['info/**', 'lifetime/**', 'isolation/**'];
  const user = ['--target', 'vm:debian-6.12', '--unprivileged', ...only(SOFTWARE_DRIVERS)];
  const { status, stderr, run } = await runSuite(t.testdir(), [...user, ...areas]);
  t.equal(status, 0, stderr.slice(-2000));
  t.match(run.targets, [{ privileged: false }]);
  const isOpen = ({ provider }: { provider: string }) => provider !== 'dma-heap';
  const root = asRoot.get('debian-6.12');
  const others = run.points
    .filter((point) => isOpen(point) && point.skip !== 'no-privilege')
    .filter(({ id, verdict }) => root?.get(id) !== verdict);
  t.strictSame(others, [], 'what the group may open comes to what it comes to for root');
  t.ok(run.points.filter(isOpen).length >= 50);
  const heap = run.points.filter((point) => !isOpen(point));
  const reason = /^alloc: open \/dev\/dma_heap\/system: EACCES$/;
  t.ok(heap.length > 10);
  for (const point of heap) t.match(point, { verdict: 'skip', skip: 'no-privilege', reason });
  t.match(run.notes, [/kernel log cannot be read here/, /dma-buf leaks are not seen here/]);
});
