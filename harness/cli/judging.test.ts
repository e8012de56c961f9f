/** Runs of the null device, from the command line to the exit code: it is there on every machine. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readRun } from '../../reports/journal.ts';
import type { PointRecord } from '../../reports/results.ts';
import { projectRoot } from '../../uapi/project-root.ts';

const BUILD = join(projectRoot(), 'build');
const NULL_PROVIDER = join(BUILD, 'ci/bench/providers/null');

interface Ran {
  readonly code: number | null;
  readonly output: string;
}

function cli(cwd: string, ...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const words = [join(BUILD, 'harness/cli/main.js'), ...args];
    const child = execFile(process.execPath, words, { cwd }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, output: stdout + stderr });
    });
  });
}

function caseFile(results: Readonly<Record<string, 'passes' | 'fails'>>): string {
  const cases = Object.entries(results).map(([name, result]) => ({
    name,
    title: `It ${result}`,
    rules: ['HARNESS-004'],
    roles: { device: { provider: ['null'] } },
    steps: [{ equal: [1, result === 'passes' ? 1 : 2] }],
  }));
  return JSON.stringify({ topic: 'Made up', cases });
}

const CASES = {
  one: 'passes',
  two: 'fails',
  three: 'passes',
  four: 'fails',
  five: 'passes',
} as const;

t.test('from a first run to one that is as expected', async (t) => {
  const dir = t.testdir({
    cases: { bench: { 'made.json': caseFile(CASES) } },
    mended: { bench: { 'made.json': caseFile({ ...CASES, two: 'passes', one: 'fails' }) } },
    lists: {
      null: {
        skips: 'bench/made/three\n  reason: it is slow\n',
        flakes: 'bench/made/four\n  reason: now and then\n  bug: https://bugs.example/4\n',
      },
    },
  });
  const device = ['--all', '--provider', NULL_PROVIDER, '--expectations', 'lists'];
  const run = (output: string, ...more: readonly string[]) =>
    cli(dir, 'run', ...device, '--cases', 'cases', '--output', output, 'bench/made', ...more);
  const verdicts = (name: string) => {
    const points = readRun(join(dir, name, 'journal.jsonl')).points;
    return Object.fromEntries(points.map(({ id, verdict }) => [id.split(/[/@]/)[2], verdict]));
  };

  const parts = await Promise.all([run('s1', '--shard', '1/2'), run('s2', '--shard', '2/2')]);
  t.ok(parts.some(({ code }) => code === 1));
  t.match(await cli(dir, 'merge', 's1', '--output', 'half'), { code: 2, output: /shard 2 of 2/ });
  t.match(await cli(dir, 'merge', 's1', 's2', '--output', 'all'), { code: 1, output: /1 fail/ });
  const first = { one: 'pass', two: 'fail', three: 'skip', four: 'flake', five: 'pass' };
  t.strictSame(verdicts('all'), first);
  t.match(
    readRun(join(dir, 'all/journal.jsonl')).points.find(({ id }) => id.includes('three')),
    { skip: 'excluded', reason: 'it is slow (' } as Partial<PointRecord>,
  );

  const update = await cli(dir, 'expectations', 'update', 'all', '--expectations', 'lists');
  t.match(update, { code: 0, output: /^\S*lists\/null\/fails\n\+ bench\/made\/two / });
  t.match(readFileSync(join(dir, 'lists/null/fails'), 'utf8'), /TODO: explain\. step 1: expected/);
  t.match(await run('second'), { code: 0, output: /1 expected-fail/ });
  const check = ['expectations', 'check', '--expectations', 'lists', '--cases', 'cases'];
  const stale = await cli(dir, ...check, '--provider', NULL_PROVIDER);
  t.match(stale, { code: 1, output: /fails:3: .*wants a reason\n3 lists, 3 entries, 1 remarks/ });

  const mended = ['--cases', 'mended', '--output', 'third', 'bench/made'];
  t.match(await cli(dir, 'run', ...device, ...mended), { code: 1, output: /unexpected-pass/ });
  const compared = await cli(dir, 'compare', 'second', 'third');
  t.match(compared, {
    code: 1,
    output: /new failures\n {2}bench\/made\/one@null@null: pass -> fail/,
  });
  t.match(
    compared.output,
    /fixed\n {2}bench\/made\/two@null@null: expected-fail -> unexpected-pass/,
  );

  t.match(await run('strict', '--require', 'excluded'), {
    code: 1,
    output: /ms {2}skipped as excluded, which --require forbids: it is slow/,
  });
});
