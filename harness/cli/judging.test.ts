/** Runs of the null device, from the command line to the exit code: it is there on every machine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readRun } from '../../reports/journal.ts';
import type { PointRecord } from '../../reports/results.ts';
import { caseFile, cli, NULL_PROVIDER } from './sample-command.ts';

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
    cli(['run', ...device, '--cases', 'cases', '--output', output, 'bench/made', ...more], dir);
  const verdicts = (name: string) => {
    const points = readRun(join(dir, name, 'journal.jsonl')).points;
    return Object.fromEntries(points.map(({ id, verdict }) => [id.split(/[/@]/)[2], verdict]));
  };

  const parts = await Promise.all([run('s1', '--shard', '1/2'), run('s2', '--shard', '2/2')]);
  t.ok(parts.some(({ code }) => code === 1));
  t.match(await cli(['merge', 's1', '--output', 'half'], dir), { code: 2, stderr: /shard 2 of 2/ });
  t.match(await cli(['merge', 's1', 's2', '--output', 'all'], dir), { code: 1, stdout: /1 fail/ });
  const first = { one: 'pass', two: 'fail', three: 'skip', four: 'flake', five: 'pass' };
  t.strictSame(verdicts('all'), first);
  t.match(
    readRun(join(dir, 'all/journal.jsonl')).points.find(({ id }) => id.includes('three')),
    { skip: 'excluded', reason: 'it is slow (' } as Partial<PointRecord>,
  );

  const update = await cli(['expectations', 'update', 'all', '--expectations', 'lists'], dir);
  t.match(update, { code: 0, stdout: /^\S*lists\/null\/fails\n\+ bench\/made\/two / });
  t.match(readFileSync(join(dir, 'lists/null/fails'), 'utf8'), /TODO: explain\. step 1: expected/);
  t.match(await run('second'), { code: 0, stdout: /1 expected-fail/ });
  const check = ['expectations', 'check', '--expectations', 'lists', '--cases', 'cases'];
  const stale = await cli([...check, '--provider', NULL_PROVIDER], dir);
  t.match(stale, { code: 1, stdout: /fails:3: .*wants a reason\n3 lists, 3 entries, 1 remarks/ });

  const mended = ['--cases', 'mended', '--output', 'third', 'bench/made'];
  t.match(await cli(['run', ...device, ...mended], dir), { code: 1, stdout: /unexpected-pass/ });
  const compared = await cli(['compare', 'second', 'third'], dir);
  t.match(compared, {
    code: 1,
    stdout: /new failures\n {2}bench\/made\/one@null@null: pass -> fail/,
  });
  t.match(
    compared.stdout,
    /new passes against their entry\n {2}bench\/made\/two@null@null: expected-fail -> unexpected-pass/,
  );

  t.match(await run('strict', '--require', 'excluded'), {
    code: 1,
    stdout: /ms {2}skipped as excluded, which --require forbids: it is slow/,
  });
});
