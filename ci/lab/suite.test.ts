import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { validateXML } from 'xmllint-wasm';
import { projectRoot } from '../../uapi/project-root.ts';
import { runSuite, tally } from './run-cli.ts';

t.setTimeout(1_800_000);

/** The whole suite on real kernels: the promise of `npm start`, asserted. */

const KERNELS = ['debian-6.12', 'newest'];
/** Points that must have been executed; fewer means that something fell out of the plan. */
const LEAST_EXECUTED = 300;

async function junitErrors(path: string): Promise<readonly unknown[]> {
  const schema = readFileSync(join(projectRoot(), 'reports/junit.xsd'), 'utf8');
  const contents = readFileSync(path, 'utf8');
  const xml = [{ fileName: 'junit.xml', contents }];
  return (await validateXML({ xml, schema: [schema] })).errors;
}

for (const kernel of KERNELS) {
  t.test(`every case holds on vm:${kernel}`, async (t) => {
    const output = t.testdir();
    const { status, stdout, stderr, run } = await runSuite(output, ['--target', `vm:${kernel}`]);
    const bad = run.points.filter(
      ({ verdict }) => !['pass', 'skip', 'expected-fail'].includes(verdict),
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
    const providers = new Set(run.points.map(({ provider }) => provider));
    t.strictSame([...providers].sort(), ['dma-heap', 'udmabuf', 'vgem'], 'three real drivers');
    t.equal(run.end?.outcome, 'complete');
    t.strictSame(await junitErrors(join(output, 'junit.xml')), [], 'JUnit is valid');
    t.match(stdout, /junit\.xml/, 'the JUnit file is named');
    t.comment(`${run.targets[0]?.kernel}: ${JSON.stringify(counts)}`);
  });
}
