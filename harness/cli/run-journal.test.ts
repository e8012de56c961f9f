import { join } from 'node:path';
import t from 'tap';
import type { JournalRecord } from '../../reports/results.ts';
import { samplePoint, sampleRecords } from '../../reports/sample-run.ts';
import { Journal } from '../journal.ts';
import { holdsPoints } from './run-journal.ts';

t.test('a journal is worth keeping from the first point on', async (t) => {
  const started: JournalRecord = { type: 'started', id: 'a', at: '' };
  const [head, ...records] = sampleRecords([samplePoint('pass')]);
  const rows: readonly (readonly [name: string, isWorth: boolean, JournalRecord[]])[] = [
    ['a plan', false, records.filter(({ type }) => type !== 'point' && type !== 'started')],
    ['a point that began', true, [started]],
    ['a verdict', true, records],
  ];
  for (const [name, isWorth, more] of rows) {
    const path = join(t.testdir({}), 'journal.jsonl');
    using journal = new Journal(path, { syncStarted: false });
    for (const record of head ? [head, ...more] : more) journal.append(record);
    t.equal(holdsPoints(path), isWorth, name);
  }
});
