import t from 'tap';
import { htmlReport } from './html.ts';
import { VERDICTS } from './results.ts';
import { hostileRun, largeRun, samplePoint, sampleRun, unrunRun } from './sample-run.ts';

/** The text of the first element of that name behind a mark. */
function textOf(page: string, name: string, mark = ''): string {
  const at = page.indexOf(`<${name}`, page.indexOf(mark));
  return page.slice(page.indexOf('>', at) + 1, page.indexOf(`</${name}>`, at));
}

t.test('the page names the run, its result, each failure and each case', async (t) => {
  const run = sampleRun();
  const page = htmlReport(run);
  t.match(textOf(page, 'h1'), 'uapi-conform: 6.12.48-1-amd64 x86_64');
  t.match(page, '<p class="bad">1 crash, 1 hang, 1 fail, 1 unhealthy, 1 unexpected-pass');
  t.match(textOf(page, 'dl'), 'uapi-conform run --target vm:debian-6.12');
  const failures = page.slice(page.indexOf('id="failures"'), page.indexOf('<h2>Areas'));
  for (const verdict of ['crash', 'hang', 'fail', 'unhealthy', 'unexpected-pass', 'interrupted']) {
    t.match(failures, `<b class="${verdict}">${verdict}</b>`);
  }
  t.match(failures, samplePoint('fail').failure?.expected ?? 'a failure');
  t.match(failures, 'reproduce: ');
  const cases = page.slice(page.indexOf('id="cases"'));
  for (const verdict of VERDICTS) t.match(cases, `<td>dma-buf/export/${verdict}</td>`);
  t.match(cases, '<td class="expected-fail">1 expected-fail</td>');
});

t.test('what is known and what was not run stand with their reasons', async (t) => {
  const points = [
    samplePoint('skip', {
      id: 'a/b/c[n=1]@vgem@vgem',
      skip: 'no-feature',
      reason: 'no <dumb> & no heap',
    }),
    samplePoint('skip', {
      id: 'a/b/c[n=2]@vgem@vgem',
      skip: 'no-feature',
      reason: 'no <dumb> & no heap',
    }),
    samplePoint('expected-fail', { reason: 'a known one' }),
  ];
  const page = htmlReport(sampleRun({ points }));
  const row = /<tr><td class="number">2<\/td><td class="skip">no-feature<\/td><td>(.*?)<\/td>/.exec(
    page,
  );
  t.equal(row?.[1], 'no &lt;dumb&gt; &amp; no heap');
  t.match(page, '<td class="expected-fail">expected-fail</td><td>a known one</td>');
  t.match(page, '<td>a/b/c</td>');
});

t.test('no text of a kernel becomes a part of the page', async (t) => {
  for (const run of [sampleRun(), hostileRun(), unrunRun(), largeRun()]) {
    const page = htmlReport(run);
    const names = new Set(Array.from(page.matchAll(/<([a-z0-9]+)/g), ([, name]) => name));
    for (const name of ['script', 'img', 'link', 'iframe', 'a']) t.notOk(names.has(name), name);
    t.notMatch(page, /undefined|\[object|NaN/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    t.notMatch(page, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    t.match(page, "default-src 'none'");
  }
});

t.test('a run in order is good, one that ran nothing is not', async (t) => {
  const end = { type: 'end', at: '2026-11-21T10:01:00.000Z', outcome: 'complete' } as const;
  const good = { points: [samplePoint('pass')], interrupted: [], end };
  t.match(htmlReport(sampleRun(good)), '<p class="good">');
  t.match(htmlReport(sampleRun({ ...good, points: [samplePoint('skip')] })), '<p class="bad">');
  t.match(htmlReport(unrunRun()), '<p class="bad">');
});

t.test('a flood of failures stays a page', async (t) => {
  const console = 'x'.repeat(64 * 1024);
  const points = Array.from({ length: 400 }, (_, n) =>
    samplePoint('crash', { id: `a/b/c${n}@v@v`, console }),
  );
  const page = htmlReport(sampleRun({ points }));
  t.ok(page.length < 12 * 1024 * 1024, `${page.length}`);
  t.match(page, 'a/b/c399@v@v');
  t.notMatch(page, '<details open');
});
