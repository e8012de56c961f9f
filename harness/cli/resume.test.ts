import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readRun } from '../../reports/journal.ts';
import { caseFile, cli, NULL_PROVIDER } from './sample-command.ts';

t.test('a run of chosen points goes on with those, from another directory', async (t) => {
  const results = { one: 'passes', two: 'fails', three: 'passes' } as const;
  const dir = t.testdir({ cases: { bench: { 'made.json': caseFile(results) } } });
  const chosen = ['bench/made/one', 'bench/made/three'];
  const words = ['run', '--all', '--provider', NULL_PROVIDER, '--cases', 'cases', ...chosen];
  t.match(await cli([...words, '--output', 'out'], dir), { code: 0 });
  const journal = join(dir, 'out/journal.jsonl');
  const lines = readFileSync(journal, 'utf8').split('\n');
  const firstVerdict = lines.findIndex((line) => line.startsWith('{"type":"point"'));
  writeFileSync(journal, `${lines.slice(0, firstVerdict + 1).join('\n')}\n`);

  t.match(await cli(['run', '--resume', join(dir, 'out')]), { code: 0, stderr: '' });
  const { points, end } = readRun(journal);
  t.strictSame(
    points.map(({ id }) => id),
    chosen.map((id) => `${id}@null@null`),
  );
  t.match(end, { outcome: 'complete' });
});
