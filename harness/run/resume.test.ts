/** A run whose host is killed in the middle, and goes on: the real command line on the null device. */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { readRun } from '../../reports/journal.ts';
import { projectRoot } from '../../uapi/project-root.ts';

const POINTS = 800;
const RUN = [
  ...['run', '--target', 'local', '--all', '--provider', 'build/ci/bench/providers/null'],
  ...['--cases', 'ci/bench/cases', '--no-sync', '--repeat', String(POINTS), 'bench/empty/nothing'],
];

function start(words: readonly string[]) {
  const main = join(projectRoot(), 'build/harness/cli/main.js');
  const child = spawn(process.execPath, [main, ...words], {
    cwd: projectRoot(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const ended = new Promise<{ code: number | null; errors: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, errors }));
  });
  return { child, ended };
}

/** Freezes the host as soon as its journal says something so often. */
async function frozen(run: ReturnType<typeof start>, journal: string, what: string, times: number) {
  const isThere = () =>
    existsSync(journal) && readFileSync(journal, 'utf8').split(what).length > times;
  while (!isThere() && run.child.exitCode === null) await delay(10);
  run.child.kill('SIGSTOP');
  return run;
}

/** A run that still goes on is nobody else's, whatever state its process is in. */
async function refuseAnother(t: Test, output: string, pid: number | undefined): Promise<void> {
  const errors = new RegExp(`--resume \\S+: that run still goes on in process ${pid}\\. `);
  t.match(await start(['run', '--resume', output]).ended, { code: 2, errors });
}

/** The test cases of a JUnit report without what differs from run to run. */
function testCases(output: string): string[] {
  const text = readFileSync(join(output, 'junit.xml'), 'utf8');
  return text
    .slice(text.indexOf('<testcase '))
    .replaceAll(/ time="[^"]*"/g, '')
    .split('<testcase ')
    .slice(1)
    .map((each) => each.trim());
}

t.test('a run goes on where its host was killed', async (t) => {
  const directory = t.testdir({});
  const [whole, cut] = [join(directory, 'whole'), join(directory, 'cut')];
  const undisturbed = start([...RUN, '--output', whole]);
  t.match(await undisturbed.ended, { code: 0 });
  const journal = join(cut, 'journal.jsonl');
  const first = await frozen(start([...RUN, '--output', cut]), journal, '"verdict"', POINTS / 2);
  await refuseAnother(t, cut, first.child.pid);
  first.child.kill('SIGKILL');
  await first.ended;
  const before = readRun(journal);
  t.ok(before.points.length < POINTS, 'it was killed in time');
  // The most that a kill leaves of a record that was being written.
  appendFileSync(journal, '{"type":"point","id":"ben');

  const second = await frozen(start(['run', '--resume', cut]), journal, '"type":"run"', 2);
  await refuseAnother(t, cut, second.child.pid);
  second.child.kill('SIGCONT');
  t.match(await second.ended, { code: before.interrupted.length });
  const run = readRun(journal);
  t.match(run.end, { outcome: 'complete' });
  t.equal(run.points.length, POINTS);
  t.equal(run.notes.filter((note) => note.startsWith('resumed at ')).length, 1);
  const [named, ...others] = run.points.filter(({ verdict }) => verdict !== 'pass');
  t.strictSame(others, []);
  t.equal(named?.id, before.interrupted[0]);
  if (named) t.match(named, { verdict: 'crash', reason: 'the run ended while this point ran' });

  const isOther = (text: string) => !text.includes(`name="${named?.id}"`);
  t.strictSame(testCases(cut).filter(isOther), testCases(whole).filter(isOther));

  t.test('once', async (t) => {
    t.match(await start(['run', '--resume', cut]).ended, { code: 2, errors: /run is complete/ });
  });
  t.test('with its own options only', async (t) => {
    const { code, errors } = await start(['run', '--resume', cut, '--all']).ended;
    t.match({ code, errors }, { code: 2, errors: /leave out --all/ });
  });
});
