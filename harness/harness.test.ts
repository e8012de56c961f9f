import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readRun } from '../reports/journal.ts';
import { JOURNAL_VERSION, type RunRecord } from '../reports/results.ts';
import { shellWord } from '../reports/shell-word.ts';
import { Journal } from './journal.ts';
import { compareKernelVersions, parseKernelVersion } from './kernel-version.ts';
import { newTaint } from './taint.ts';

t.test('taint bits are named, also those that no table knows', (t) => {
  t.strictSame(newTaint(0, 128 + 512), ['D (the kernel died: OOPS or BUG)', 'W (kernel warning)']);
  t.strictSame(
    newTaint(0, 1 + 1024 + 4096 + 8192),
    [],
    'what kind of module was loaded is no sign',
  );
  t.strictSame(newTaint(0, 2 ** 40), ['? (bit 40)']);
  t.strictSame(newTaint(512, 0), []);
  t.end();
});

t.test('kernel versions compare as kernels do', (t) => {
  const order = [
    '5.10.1',
    '6.1',
    '6.1.90-2-amd64',
    '6.12-rc3',
    '6.12',
    '6.12.48+deb13-amd64',
    '7.0',
  ];
  const versions = order.map((text) => parseKernelVersion(text));
  for (const [index, version] of versions.entries()) {
    const next = versions[index + 1];
    if (version && next) t.ok(compareKernelVersions(version, next) < 0, `${order[index]} is older`);
  }
  t.equal(parseKernelVersion('generic'), undefined);
  t.end();
});

const RUN: RunRecord = {
  type: 'run',
  version: JOURNAL_VERSION,
  startedAt: '2026-11-21T08:15:00.000Z',
  suite: { version: '0', commit: '0' },
  commandLine: [],
  target: 'local',
};

t.test('a journal has a line a record, in a file that may have been there', (t) => {
  const path = join(t.testdir({}), 'journal.jsonl');
  for (const id of ['a', 'b']) {
    using journal = new Journal(path, { syncStarted: true });
    if (id === 'a') journal.append(RUN);
    journal.append({ type: 'started', id, at: RUN.startedAt });
  }
  t.equal(readFileSync(path, 'utf8').split('\n').length, 4);
  t.strictSame(readRun(path).interrupted, ['a', 'b']);
  t.end();
});

const LINE = '{"type":"started","id":"a","at":"x"}';
const ENDS = [
  { name: 'a cut line', end: '{"type":"po', kept: '' },
  { name: 'blocks that were never written', end: '\0\0\0', kept: '' },
  { name: 'such blocks within a line', end: '\0\0"}\n', kept: '' },
  { name: 'a line that lacks only its end', end: LINE, kept: `${LINE}\n` },
  { name: 'a cut line longer than a block', end: `{"a":"${'x'.repeat(200_000)}`, kept: '' },
];
for (const { name, end, kept } of ENDS) {
  t.test(`a journal that goes on stands behind whole lines: ${name}`, (t) => {
    const path = join(t.testdir({ journal: `${LINE}\n${LINE}\n${end}` }), 'journal');
    const journal = new Journal(path, { syncStarted: false });
    journal.append({ type: 'started', id: 'b', at: 'x' });
    journal.close();
    const next = `${LINE.replace('"a"', '"b"')}\n`;
    t.equal(readFileSync(path, 'utf8'), `${LINE}\n${LINE}\n${kept}${next}`);
    t.end();
  });
}

t.test('a disk that is full ends the journal with a message that names it', (t) => {
  using journal = new Journal('/dev/full', { syncStarted: false });
  t.throws(() => journal.append(RUN), {
    name: 'InfraError',
    message: /\/dev\/full: the journal cannot be written: ENOSPC.*--output/,
  });
  t.end();
});

t.test('a directory that is not there is told by name', (t) => {
  t.throws(() => new Journal('/nonexistent/journal.jsonl', { syncStarted: false }), {
    name: 'InfraError',
    message: /\/nonexistent\/journal.jsonl/,
  });
  t.end();
});

t.test('a word for the shell is quoted only where it must be', (t) => {
  t.equal(shellWord('vgem@vgem'), 'vgem@vgem');
  t.equal(shellWord('a/b[size=1]'), "'a/b[size=1]'");
  t.equal(shellWord("it's"), "'it'\\''s'");
  t.equal(shellWord(''), "''");
  t.end();
});
