/** A board that dies in the middle of a run: an sshd of our own, which a command starts again. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { readRun } from '../../reports/journal.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { InfraError } from '../errors.ts';
import { ensurePackages } from '../system-packages.ts';
import { startSshd } from './loopback-sshd.ts';

/** Devices whose buffers are there at once, and two on which an allocation takes until the board dies. */
const PROVIDER = `
const names = ['a', 'b-dies', 'c', 'd-dies', 'e'];
const success = (value) => ({ ok: true, value });
const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60000);
const session = (device) => ({
  fd: 0,
  alloc: () => (device.address.endsWith('-dies') && wait(), success({ size: 4096n })),
  free: () => success(undefined),
  close: () => success(undefined),
});
export const provider = {
  contract: 1, name: 'own', title: 'Own', driver: 'own', offers: ['alloc'], headers: [],
  find: () => names.map((name) => ({
    address: 'own@' + name, node: '/dev/null', otherNodes: {}, identity: {},
  })),
  probe: () => success({ missing: {}, identity: {} }),
  open: (device) => success(session(device)),
  adopt: (device) => session(device),
};
`;

const CASES = JSON.stringify({
  topic: 'Boards that die',
  cases: [
    {
      name: 'allocate',
      title: 'A buffer can be had',
      rules: ['HARNESS-004'],
      roles: { device: { needs: ['alloc'], provider: ['own'] } },
      steps: [{ alloc: { size: 'page' } }],
    },
  ],
});

async function hasPackages(t: Test): Promise<boolean> {
  try {
    await ensurePackages('tests');
    return true;
  } catch (error) {
    if (!(error instanceof InfraError)) throw error;
    t.plan(0, `no-feature: ${error.message}`);
    return false;
  }
}

t.test('a board that dies is power-cycled, blamed on its point, and the run goes on', async (t) => {
  if (!(await hasPackages(t))) return;
  const dir = t.testdir({
    own: { 'index.js': PROVIDER },
    cases: { bench: { 'board.json': CASES } },
    ssh: {},
    boot: 'boot-0',
  });
  const boot = join(dir, 'boot');
  const sshd = await startSshd(join(dir, 'ssh'), [
    // The machine does not really start anew, so its boot id is what the test says.
    {
      alias: 'board',
      programs: { cat: `read id < ${boot}; echo $id`, node: `exec ${process.execPath} "$@"` },
    },
  ]);
  const cycle = join(dir, 'cycle.sh');
  writeFileSync(cycle, `echo boot-$$ > ${boot}\necho $$ >> ${dir}/cycles\n${sshd.startAgain}\n`);
  const journal = join(dir, 'out/journal.jsonl');
  const ended = runCli([
    ...['run', '--target', 'ssh:board', '--ssh-config', sshd.config, '--all', '--jobs', '1'],
    ...['--power-cycle', `sh ${cycle}`, '--output', join(dir, 'out')],
    ...['--provider', join(dir, 'own'), '--cases', join(dir, 'cases'), 'bench/board'],
  ]);
  for (const device of ['b-dies', 'd-dies']) {
    const started = said(journal, `"type":"started","id":"bench/board/allocate@own@${device}"`);
    const early = await Promise.race([started, ended]);
    if (early !== undefined) throw new Error(`the run ended too early: ${early.errors}`);
    sshd.stop();
  }
  const { code, errors } = await ended;
  sshd.stop();
  t.equal(code, 1, errors.slice(-500));
  const { points, targets, end } = readRun(journal);
  t.match(end, { outcome: 'complete' });
  const verdicts = points.map(({ id, verdict }) => [id.replace(/.*@/, ''), verdict]);
  t.strictSame(Object.fromEntries(verdicts), {
    ...{ a: 'pass', 'b-dies': 'crash', c: 'pass', 'd-dies': 'crash', e: 'pass' },
  });
  const reason = /^ssh:board was lost: the connection to board was lost: \S/;
  for (const { verdict, ...point } of points) if (verdict === 'crash') t.match(point, { reason });
  t.equal(targets.length, 3, 'the board was had again after each loss');
  t.equal(readFileSync(join(dir, 'cycles'), 'utf8').trim().split('\n').length, 2);
});

function runCli(words: readonly string[]): Promise<{ code: number | null; errors: string }> {
  const main = join(projectRoot(), 'build/harness/cli/main.js');
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...words], (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, errors: stdout + stderr });
    });
  });
}

const SAID_MS = 30_000;

async function said(journal: string, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < SAID_MS; waitedMs += 20) {
    if (existsSync(journal) && readFileSync(journal, 'utf8').includes(what)) return;
    await delay(20);
  }
  throw new Error(`the journal does not say ${what}`);
}
