import { stripVTControlCharacters } from 'node:util';
import t from 'tap';
import { failures, pointLine, runReport, totals, wantsColor } from './console.ts';
import { GATING } from './results.ts';
import { hostileRun, samplePoint, sampleRun, unrunRun } from './sample-run.ts';
import { plainText } from './text.ts';

const plain = { color: false };

t.test('a point is one line, in colour only when asked', async (t) => {
  for (const point of [...sampleRun().points, ...hostileRun().points]) {
    const line = pointLine(point, plain);
    const colored = pointLine(point, { color: true });
    t.equal(line, plainText(line));
    t.notMatch(line, '\n');
    t.not(colored, line);
    t.equal(stripVTControlCharacters(colored), line);
  }
  t.equal(
    pointLine(samplePoint('skip'), plain),
    'skip             dma-buf/export/skip[size=64KiB]@vgem@platform:vgem  12 ms  no-feature: vgem cannot submit',
  );
});

t.test('the end of a run repeats what gates', async (t) => {
  const run = sampleRun();
  const text = runReport(run, plain);
  t.equal(failures(run, plain).match(/^\S+ dma-buf\/export/gm)?.length, GATING.size);
  for (const part of [
    '  expected: ENOENT\n    actual:   0 (fd 7)',
    'source:  drivers/gpu/drm/drm_prime.c',
    "reproduce: uapi-conform run 'dma-buf/export/fail[",
    'kernel: WARNING: CPU: 0',
    'interrupted map/mmap/offset',
    'note: the target was lost',
    'vgem        software driver        yes      1',
  ]) {
    t.ok(text.includes(part), part);
  }
  t.match(totals(run), /^area +points +pass +expected-fail .*\ndma-buf +9 +1 +1 /);
  t.equal(failures(sampleRun({ points: [samplePoint('pass')], interrupted: [] }), plain), '');
  t.equal(runReport(unrunRun(), plain).trimEnd().split('\n').pop(), 'no point');
  t.equal(stripVTControlCharacters(runReport(run, { color: true })), text);
  t.equal(runReport(hostileRun(), plain), plainText(runReport(hostileRun(), plain)));
});

for (const row of [
  { tty: true, environment: {}, wants: true },
  { tty: false, environment: {}, wants: false },
  { tty: true, environment: { NO_COLOR: '1' }, wants: false },
  { tty: true, environment: { NO_COLOR: '' }, wants: true },
  { tty: true, environment: { TERM: 'dumb' }, wants: false },
]) {
  t.test(`colour is ${row.wants} for ${JSON.stringify(row)}`, async (t) => {
    t.equal(wantsColor({ isTTY: row.tty }, row.environment), row.wants);
  });
}
