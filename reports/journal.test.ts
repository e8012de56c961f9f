import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { notRun } from './groups.ts';
import { assembleRun, readRun } from './journal.ts';
import { VERDICTS } from './results.ts';
import { samplePoint, sampleRecords, sampleRunRecord } from './sample-run.ts';

const points = VERDICTS.map((verdict) => samplePoint(verdict));
const records = sampleRecords(points);
const lines = records.map((record) => JSON.stringify(record));
const whole = `${lines.join('\n')}\n`;
const firstPoint = lines.findIndex((line) => line.startsWith('{"type":"point"'));

function changed(index: number, text: string): string {
  return lines.map((line, at) => (at === index ? text : line)).join('\n');
}

t.test('a journal that ended well is read whole', async (t) => {
  const path = join(t.testdir({ journal: whole }), 'journal');
  const run = readRun(path);
  t.strictSame(run.points, points);
  t.strictSame(
    run.planned,
    points.map((point) => point.id),
  );
  t.strictSame(run.run, sampleRunRecord);
  t.equal(run.targets.length, 1);
  t.strictSame(run.interrupted, []);
  t.equal(run.end?.outcome, 'complete');
  t.strictSame(notRun(run), []);
});

const tolerated = [
  { name: 'a cut last line', text: whole.slice(0, -20), note: true },
  { name: 'a last line without a line end', text: whole.trimEnd(), note: false, end: true },
  { name: 'zeros where blocks were not written', text: `${whole}\0\0\0\0`, note: false, end: true },
  { name: 'half a line and zeros', text: `${whole.slice(0, -20)}\0\0\0`, note: true },
  { name: 'blank lines', text: whole.replaceAll('\n', '\n\n'), note: false, end: true },
  { name: 'a byte that is no UTF-8 in a text', text: whole.replace('vgem', '\ufffd'), end: true },
];
for (const row of tolerated) {
  t.test(`${row.name} is tolerated`, async (t) => {
    const run = readRun(join(t.testdir({ journal: row.text }), 'journal'));
    t.equal(run.points.length, points.length);
    t.equal(run.end !== undefined, row.end ?? false, 'the end is known as far as it is there');
    t.equal(run.notes.length, row.note ? 1 : 0);
    if (row.note) t.match(run.notes[0], /cut line \(line \d+\)/);
  });
}

t.test('a journal that was cut anywhere reads, or says that it is none', async (t) => {
  const path = join(t.testdir({}), 'journal');
  const header = lines[0]?.length ?? 0;
  for (let end = 1; end < header * 3; end += 29) {
    writeFileSync(path, whole.slice(0, end));
    if (end < header) t.throws(() => readRun(path), { name: 'JournalError', message: /:1: / });
    else t.equal(readRun(path).end, undefined);
  }
});

t.test('a started point without a result is interrupted', async (t) => {
  const cut = records.slice(0, firstPoint);
  const run = assembleRun(cut);
  t.strictSame(run.interrupted, [points[0]?.id]);
  t.strictSame(
    notRun(run),
    points.slice(1).map((point) => point.id),
  );
  t.equal(run.end, undefined);
});

t.test('a resumed journal finishes what was interrupted', async (t) => {
  const run = assembleRun([
    ...records.slice(0, firstPoint),
    { type: 'end', at: '', outcome: 'interrupted' },
    ...records,
  ]);
  t.strictSame(run.interrupted, []);
  t.equal(run.points.length, points.length);
  t.equal(run.planned.length, points.length);
  t.equal(run.end?.outcome, 'complete');
  t.match(run.notes[0], /^resumed at /);
});

const refused = [
  { name: 'text in the middle', text: changed(4, 'oops'), says: /journal:5: .*not JSON.*copy/ },
  { name: 'a cut in the middle', text: changed(4, '{"type":"po'), says: /:5: .*not JSON/ },
  { name: 'an unknown type', text: changed(4, '{"type":"x"}'), says: /:5: .*known type \(x\)/ },
  { name: 'no object', text: changed(4, '17'), says: /:5: .*no type/ },
  {
    name: 'a missing field',
    text: changed(4, '{"type":"point","id":"a"}'),
    says: /:5: .*point record.*'title'/,
  },
  {
    name: 'a wrong verdict',
    text: changed(firstPoint, JSON.stringify({ ...points[0], verdict: 'good' })),
    says: /:5: .*at \/verdict/,
  },
  {
    name: 'another version',
    text: JSON.stringify({ ...sampleRunRecord, version: 99 }),
    says: /:1: .*version 99.*version 1.*uapi-conform that wrote/,
  },
  { name: 'JSON of something else', text: '{"name":"x"}\n', says: /no journal of uapi-conform/ },
  { name: 'a program', text: '\x7fELF\x02\x01\x01\0\0\0', says: /no journal of uapi-conform/ },
  { name: 'a report', text: '<?xml version="1.0"?>\n<a/>\n', says: /no journal of uapi-conform/ },
  { name: 'an empty file', text: '', says: /journal is empty.*Run it again/ },
  { name: 'zeros', text: '\0\0\0\0', says: /journal is empty/ },
];
for (const row of refused) {
  t.test(`${row.name} is one clear error`, async (t) => {
    const path = join(t.testdir({ journal: row.text }), 'journal');
    t.throws(() => readRun(path), { name: 'JournalError', message: row.says });
  });
}

t.test('what cannot be opened is one clear error', async (t) => {
  const dir = t.testdir({});
  t.throws(() => readRun(join(dir, 'none')), { name: 'JournalError', message: /no such file/ });
  t.throws(() => readRun(dir), { name: 'JournalError', message: /directory/ });
});

t.test('characters and lines across the reads of a large file stay whole', async (t) => {
  const many = Array.from({ length: 300 }, (_, at) =>
    samplePoint('fail', { id: `a/b/c${at}@x`, reason: 'ü€😀'.repeat(at) }),
  );
  const text = sampleRecords(many)
    .map((record) => JSON.stringify(record))
    .join('\n');
  const run = readRun(join(t.testdir({ journal: text }), 'journal'));
  t.strictSame(run.points, many);
});
