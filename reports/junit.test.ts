import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { memoryPages, validateXML } from 'xmllint-wasm';
import { junitXml } from './junit.ts';
import { ktap } from './ktap.ts';
import type { EndRecord, PointRecord, Run } from './results.ts';
import { VERDICTS } from './results.ts';
import { samplePoint, sampleRun, sampleRunRecord, sampleTarget } from './sample-run.ts';

const schema = readFileSync(schemaPath(), 'utf8');

/** The schema is data: it stays in the source folder, the compiled test lies below `build/`. */
function schemaPath(): string {
  let directory = import.meta.dirname;
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  return join(directory, 'reports', 'junit.xsd');
}

async function schemaErrors(xml: string): Promise<string[]> {
  const result = await validateXML({
    // As it will stand in a file: what UTF-8 cannot say is lost here, not in the reader.
    xml: { fileName: 'junit.xml', contents: Buffer.from(xml) },
    schema,
    maxMemoryPages: 128 * memoryPages.MiB,
  });
  return result.errors.map((error) => error.rawMessage);
}

/** The text of one test case element, by a part of its name. */
function caseOf(xml: string, name: string): string {
  const start = xml.indexOf('<testcase', xml.lastIndexOf('\n', xml.indexOf(`name="${name}`)));
  const end = xml.indexOf('\n    <testcase', start);
  const close = xml.indexOf('</testsuite>', start);
  return xml.slice(start, end < 0 || close < end ? close : end);
}

const outcomes: Readonly<Record<PointRecord['verdict'], readonly RegExp[]>> = {
  pass: [/time="0.012"\/>/],
  'expected-fail': [/<skipped message="expected-fail: .*\/>\s*<system-out>.*freed handle/],
  flake: [/<skipped message="flake: flake for.*\/>\s*<system-out>.*freed handle/],
  skip: [/<skipped message="no-feature: vgem cannot submit"\/>\s*<system-out>.*no-feature: vgem/],
  'unexpected-pass': [/<failure message="unexpected-pass: vgem-fails.json:3/],
  unhealthy: [/<failure message="unhealthy: /],
  fail: [
    /<failure message="fail for a reason" type="fail">/,
    /step 3: .*"fails":"ENOENT"/,
    /expected: ENOENT/,
    /actual: {3}0 \(fd 7\)/,
    /struct: {3}handle=1 flags=0x0 fd=7/,
    /hex: {6}01 00 00/,
    /rule PRIME-009: Export of a freed handle/,
    /source: {2}drivers\/gpu\/drm\/drm_prime.c/,
    /reproduce: uapi-conform run 'dma-buf\/export\/fail\[size=64KiB\]/,
    /DRM_IOCTL_PRIME_HANDLE_TO_FD handle=1 flags=0x0 -&gt; fd=7 = 0 \(4 us\)/,
    /! \[ {4}1.234567\] WARNING: CPU: 0 PID: 12 at foo {2}&lt;- warning/,
  ],
  hang: [/<error message="hang: .*type="hang">/],
  crash: [/<error message="crash: .*type="crash">/, /last console text:\nKernel panic/],
};

t.test('every verdict has its place in a valid document', async (t) => {
  const xml = junitXml(sampleRun());
  t.strictSame(await schemaErrors(xml), []);
  for (const verdict of VERDICTS) {
    for (const pattern of outcomes[verdict])
      t.match(caseOf(xml, `dma-buf/export/${verdict}[`), pattern);
  }
  t.match(xml, /<testsuites name="uapi-conform" tests="12" failures="3" errors="4" skipped="4">/);
  t.match(
    caseOf(xml, 'map/mmap'),
    /classname="uapi-conform.vgem.map" .*\n.*<error message="the run ended while this point ran"/,
  );
  t.match(caseOf(xml, 'submit/'), /<skipped message="not run"\/>/);
});

t.test('suites are per provider and area and say what ran where', async (t) => {
  const xml = junitXml(sampleRun());
  const names = [...xml.matchAll(/<testsuite name="([^"]*)" .*timestamp="([^"]*)"/g)];
  t.strictSame(
    names.map(([, name]) => name),
    ['vgem.dma-buf', 'vgem.map', 'virtio-gpu.submit', 'run'],
  );
  t.equal(names[0]?.[2], '2026-11-21T10:00:02Z');
  for (const [name, value] of [
    ['suite.version', '0.1.0'],
    ['suite.commit', '0123456789ab'],
    ['target', 'vm:debian-6.12'],
    ['kernel', '6.12.48-1-amd64'],
    ['driver', 'vgem'],
    ['devices', 'vgem@platform:vgem'],
    ['device.vgem@platform:vgem.version', '1.0.0'],
    ['note', 'the target was lost and came back'],
  ]) {
    t.match(xml, `<property name="${name}" value="${value}"/>`);
  }
});

t.test('class names do not change with the order or the target of a run', async (t) => {
  const classes = (run: Run): string[] =>
    [...junitXml(run).matchAll(/classname="([^"]*)"/g)].map(([, name]) => name ?? '').sort();
  const shuffled = VERDICTS.map((verdict) => samplePoint(verdict)).reverse();
  t.strictSame(classes(sampleRun({ points: shuffled })), classes(sampleRun()));
});

const ended = (outcome: EndRecord['outcome'], reason?: string): EndRecord => ({
  type: 'end',
  at: '',
  outcome,
  ...(reason !== undefined && { reason }),
});
const idle = { planned: [], points: [samplePoint('skip')], interrupted: [] };
const problems: readonly (readonly [string, Partial<Run>, RegExp | undefined])[] = [
  ['complete', { end: ended('complete') }, undefined],
  ['without an end', {}, /the run has no end/],
  ['cut short', { end: ended('interrupted') }, /the run was interrupted/],
  ['without a target', { ...idle, end: ended('failed', 'no disk') }, /the run failed: no disk/],
  ['of skips', { ...idle, end: ended('complete') }, /nothing was run/],
];
for (const [name, more, says] of problems) {
  t.test(`a run ${name} is ${says ? 'no' : 'a'} success for readers of reports`, async (t) => {
    const run = sampleRun(more);
    const xml = junitXml(run);
    t.strictSame(await schemaErrors(xml), []);
    const [own] = caseOf(xml, 'the run is complete').split('</testsuite>');
    if (says) t.match(own, new RegExp(`<error message="${says.source}`));
    t.equal(xml.includes('the run is complete'), says !== undefined);
    t.equal(ktap(run).includes('not ok 1 the run is complete # ERROR'), says !== undefined);
  });
}

const empty = { planned: [], points: [], interrupted: [] };
const odd: { name: string; run: Run }[] = [
  { name: 'without points', run: sampleRun(empty) },
  { name: 'without a target', run: sampleRun({ targets: [], notes: [] }) },
  {
    name: 'of a point without device, area or time',
    run: sampleRun({
      points: [samplePoint('skip', { provider: '', area: '', devices: {}, id: '', at: '' })],
    }),
  },
  {
    name: 'that began at no time',
    run: sampleRun({ run: { ...sampleRunRecord, startedAt: '+9' } }),
  },
  {
    name: 'with odd durations',
    run: sampleRun({
      points: [1e-9, 0.0004, 1e21, 86_400_123.456].map((durationMs) =>
        samplePoint('pass', { durationMs }),
      ),
    }),
  },
];
for (const row of odd) {
  t.test(`a run ${row.name} is a valid document`, async (t) => {
    t.strictSame(await schemaErrors(junitXml(row.run)), []);
  });
}

const everyUnit = Array.from({ length: 0x300 }, (_, code) => String.fromCharCode(code)).join('');
const corpus: { name: string; text: string }[] = [
  { name: 'all low characters', text: everyUnit },
  { name: 'lone surrogates', text: 'a\ud800b\udc00\udc00c\udfff\ud83d' },
  { name: 'surrogates in pairs', text: '😀\u{1fffe}\u{10ffff}' },
  { name: 'excluded characters', text: '\ufffe\uffff\ufdd0\ufeff' },
  { name: 'the end of a CDATA section', text: ']]>]]]]>>]]&gt;<![CDATA[ ]]' },
  { name: 'markup', text: '</failure></testcase><x a="\'&amp;&#0;&bogus;"><!-- -- --><?xml ?>' },
  {
    name: 'terminal sequences',
    text: '\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J \x1b]8;; \x1b(B\x1b',
  },
  { name: 'line ends', text: 'a\r\nb\rc\n\n\r\r\nd\u2028e\u0085f' },
  { name: 'random bytes', text: randomBytes(4096).toString('latin1') },
  { name: 'random UTF-16', text: randomBytes(8192).toString('utf16le') },
  { name: 'random UTF-8', text: randomBytes(4096).toString('utf8') },
  { name: 'one huge line', text: 'x😀'.repeat(200_000) },
  { name: 'many lines', text: '[ 1.0] BUG: bad ]]>\x1b[1m\n'.repeat(40_000) },
  { name: 'nothing', text: '' },
];

function soiled(text: string): Run {
  const record = { 'a]]>': text, [`k${text.slice(0, 100)}`]: text };
  const points = VERDICTS.map((verdict, at) =>
    samplePoint(verdict, {
      id: `dma-buf/export/${at}${text.slice(0, 500)}`,
      title: text,
      provider: text.slice(0, 50),
      area: text.slice(0, 50),
      reason: text,
      reproduce: text,
      rules: [{ id: text, title: text, expect: text, source: text }],
      failure: {
        step: text,
        action: text,
        expected: text,
        actual: text,
        decoded: text,
        hex: text,
        detail: text,
      },
      kernelLog: [{ timeUs: 0, level: 0, text, sign: text }],
      calls: [{ command: text, input: text, output: text, result: text, durationUs: 1 }],
      console: text,
    }),
  );
  const device = { ...sampleTarget.devices[0], address: text, identity: record };
  return sampleRun({
    run: { ...sampleRun().run, commandLine: [text], target: text },
    targets: [
      { ...sampleTarget, kernel: text, devices: [device as (typeof sampleTarget.devices)[0]] },
    ],
    points,
    notes: [text],
  });
}

for (const row of corpus) {
  t.test(`${row.name} in every text leaves the document valid`, async (t) => {
    const xml = junitXml(soiled(row.text));
    t.strictSame(await schemaErrors(xml), []);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be left
    t.notMatch(xml, /[\0-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]|\p{Surrogate}/u);
    t.notMatch(xml, '[31m', 'no rest of a colour');
    t.ok(xml.length < 4 * 1024 * 1024, 'a huge log is cut');
  });
}

t.test('the schema refuses what it must', async (t) => {
  const xml = junitXml(sampleRun());
  const wrong = [
    xml.replace('<failure ', '<failed ').replace('</failure>', '</failed>'),
    xml.replace(' tests="12"', ''),
    xml.replace('time="0.012"', 'time="1e-7"'),
    xml.replace('2026-11-21T10:00:02Z', 'yesterday'),
    xml.replace(/ classname="[^"]*"/, ''),
    xml.replace('<system-out>', '<system-err></system-err><system-out>'),
    xml.slice(0, -20),
  ];
  for (const text of wrong) t.not((await schemaErrors(text)).length, 0);
});
