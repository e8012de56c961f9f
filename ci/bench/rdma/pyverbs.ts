import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { SuiteTimes } from '../own-suite.ts';

/** rdma-core's own tests, as python3-pyverbs ships them: most of the files are compressed. */

const SHIPPED = '/usr/share/doc/rdma-core/tests';
/** Of one whole run; it takes a fraction even under emulation. */
const LIMIT_MS = 900_000;

/** @returns the directory with the tests, usable by python */
export function unpackPyverbsTests(): string {
  const directory = join(mkdtempSync('/tmp/pyverbs-'), 'tests');
  cpSync(SHIPPED, directory, { recursive: true });
  execFileSync('sh', ['-c', 'gunzip "$1"/*.gz', 'sh', directory]);
  return directory;
}

/** Runs all of them on one device. */
export function runPyverbs(directory: string, device: string): SuiteTimes {
  const begin = performance.now();
  const { stderr } = spawnSync('python3', ['run_tests.py', '--dev', device], {
    cwd: directory,
    encoding: 'utf8',
    timeout: LIMIT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  return { ...parseUnittest(stderr), commandSeconds: (performance.now() - begin) / 1000 };
}

/** What Python's unittest says at its end: `Ran 273 tests in 12.3s`, `OK (skipped=186)`. */
export function parseUnittest(text: string): Omit<SuiteTimes, 'commandSeconds'> {
  const ran = /^Ran (\d+) tests? in ([\d.]+)s$/m.exec(text);
  const end = /^(?:OK|FAILED)(?: \((.*)\))?$/m.exec(text);
  if (ran === null || end === null) throw new Error(`no end of unittest in: ${text.slice(-500)}`);
  const count = (name: string): number =>
    Number(new RegExp(`\\b${name}=(\\d+)`).exec(end[1] ?? '')?.[1] ?? 0);
  const skipped = count('skipped');
  const executed = Number(ran[1]) - skipped;
  const passed = executed - count('failures') - count('errors');
  return { executed, passed, skipped, seconds: Number(ran[2]) };
}
