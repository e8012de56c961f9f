import t from 'tap';
import type { EndRecord, JournalRecord, Verdict } from '../../reports/results.ts';
import { samplePoint, sampleRecords } from '../../reports/sample-run.ts';
import { cli } from './sample-command.ts';

type Outcome = EndRecord['outcome'] | 'cut';

function journal(verdicts: readonly Verdict[], outcome: Outcome = 'complete'): string {
  const points = verdicts.map((verdict, at) => samplePoint(verdict, { id: `a/b/${at}` }));
  const records = sampleRecords(points).filter(({ type }) => type !== 'end');
  const end: JournalRecord[] = outcome === 'cut' ? [] : [{ type: 'end', at: '', outcome }];
  return [...records, ...end].map((record) => `${JSON.stringify(record)}\n`).join('');
}

const rows: readonly (readonly [name: string, now: string, code: number])[] = [
  ['nothing became worse', journal(['pass', 'fail', 'pass']), 0],
  ['a new failure', journal(['fail', 'fail', 'pass']), 1],
  ['a pass against its entry', journal(['unexpected-pass', 'fail', 'pass']), 1],
  ['a run that failed', journal(['pass'], 'failed'), 3],
  ['a run that was stopped', journal(['pass'], 'interrupted'), 3],
  ['a journal without an end', journal(['pass'], 'cut'), 3],
  ['a failure in a run that was stopped', journal(['crash'], 'interrupted'), 1],
  ['nothing that ran', journal(['skip', 'skip', 'skip']), 3],
];

t.test('a comparison gates as the new run would, but for what failed before', async (t) => {
  const files = Object.fromEntries(rows.map(([, text], at) => [`${at}.jsonl`, text]));
  const dir = t.testdir({ 'old.jsonl': journal(['pass', 'fail', 'pass']), ...files });
  for (const [at, [name, , want]] of rows.entries()) {
    const { code, stdout, stderr } = await cli(['compare', 'old.jsonl', `${at}.jsonl`], dir);
    t.equal(code, want, name);
    t.match(stdout, /\d/, `${name}: the comparison is shown`);
    t.equal(stderr !== '', want === 3, `${name}: stderr says why it is no success`);
  }
});
