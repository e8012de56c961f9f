import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ktap } from './ktap.ts';
import { sampleRun } from './sample-run.ts';
import { summary } from './summary.ts';
import { clipLines, oneLine, plainText, wrap } from './text.ts';
import { REPORT_FORMATS, writeReports } from './write.ts';

t.test('reports are written whole under their names, over earlier ones', async (t) => {
  const dir = join(t.testdir({}), 'new', 'results');
  const names = ['junit.xml', 'report.ktap', 'report.json', 'report.html', 'summary.txt'];
  for (const run of [sampleRun({ notes: ['a'.repeat(9999)] }), sampleRun()]) {
    const paths = writeReports(run, dir, REPORT_FORMATS);
    t.strictSame(
      paths,
      names.map((name) => join(dir, name)),
    );
    t.strictSame(readdirSync(dir).sort(), [...names].sort(), 'nothing else is left');
    t.equal(readFileSync(join(dir, 'summary.txt'), 'utf8'), summary(run));
    t.equal(readFileSync(join(dir, 'report.ktap'), 'utf8'), ktap(run));
  }
});

t.test('a directory that cannot be written is one clear error', async (t) => {
  const dir = t.testdir({ file: 'x', blocked: { 'report.json': { child: 'x' } } });
  const error = (message: RegExp) => ({ name: 'ReportError', message });
  const write = (place: string) => () =>
    writeReports(sampleRun(), join(dir, place), ['ktap', 'json']);
  t.throws(write('file'), error(/file: the report cannot be written: .*Name a directory/));
  t.throws(write('file/below'), error(/file\/below: .*Name a directory/));
  // Node's own recursive mkdir never ends there.
  const below = () => writeReports(sampleRun(), '/proc/nosuch/x', ['ktap']);
  t.throws(below, error(/\/proc\/nosuch\/x: the report cannot be written: .*ENOENT/));
  t.throws(write('blocked'), error(/report\.json: .*a directory of that name is in the way/));
  t.strictSame(readdirSync(join(dir, 'blocked')).sort(), ['report.json', 'report.ktap']);
});

t.test(
  'a directory without permission is one clear error',
  { skip: process.getuid?.() === 0 && 'root may write anywhere' },
  async (t) => {
    const dir = t.testdir({});
    mkdirSync(join(dir, 'closed'));
    writeFileSync(join(dir, 'closed', 'junit.xml'), 'old');
    chmodSync(join(dir, 'closed'), 0o500);
    t.throws(() => writeReports(sampleRun(), join(dir, 'closed'), ['junit']), {
      name: 'ReportError',
      message: /you may not write there. Change the permissions of/,
    });
    chmodSync(join(dir, 'closed'), 0o700);
    t.equal(readFileSync(join(dir, 'closed', 'junit.xml'), 'utf8'), 'old');
  },
);

for (const row of [
  { name: 'colour', got: plainText('\x1b[1;31mred\x1b[0m'), wanted: 'red' },
  { name: 'line ends', got: plainText('a\r\nb\rc\td'), wanted: 'a\nb\nc\td' },
  { name: 'controls', got: plainText('\0\x07\x85\x7f'), wanted: '\\x00\\x07\\x85\\x7f' },
  { name: 'lone surrogates', got: plainText('\ud800a😀'), wanted: '\\ud800a😀' },
  { name: 'reversed text', got: plainText('\u202eabc'), wanted: '\\u202eabc' },
  { name: 'a short line', got: oneLine(' a\n  b ', 10), wanted: 'a b' },
  { name: 'a long line', got: oneLine('abcdefgh', 5), wanted: 'abcd…' },
  { name: 'a line cut inside a character', got: oneLine('abc😀😀', 5), wanted: 'abc…' },
  {
    name: 'a clipped text',
    got: clipLines('a\n'.repeat(100), 40),
    wanted: `${'a\n'.repeat(14)}a\n[... 163 characters left out; the journal holds them ...]\n${'a\n'.repeat(4)}`,
  },
  {
    name: 'a wrapped line',
    got: wrap('aaa bbb/ccc', 6, '  ').join('|'),
    wanted: 'aaa|  bbb/|  ccc',
  },
]) {
  t.test(`text: ${row.name}`, async (t) => {
    t.equal(row.got, row.wanted);
  });
}
