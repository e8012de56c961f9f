import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { CONTRACT_VERSION } from '../../providers/contract.ts';
import { parseList } from '../expectation-entry.ts';
import { Expectations } from '../expectations.ts';
import { scriptedDevice } from '../run/scripted-agent.ts';
import { NO_FILTERS } from '../sample-filters.ts';
import { commandLine } from './command-line.ts';
import { exitCodeOf, messageOf } from './exit.ts';
import { prepareOutput } from './output-directory.ts';
import { planRun } from './plan-run.ts';
import { chooseProviders } from './providers-option.ts';
import { reproduceLine } from './reproduce.ts';
import type { RunRequest } from './run-request.ts';
import { cli, MAIN } from './sample-command.ts';
import { loadSuite } from './suite.ts';

/** What the command line rejects with. A function of its own, because yargs may throw at once. */
async function errorOf(args: readonly string[]): Promise<unknown> {
  try {
    await commandLine(args).parseAsync();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** A provider of which find() has the given body. */
function oddProvider(name: string, find: string): string {
  const verbs = 'probe() {}, open() {}, adopt() {}';
  const facts = `title: 'odd', driver: 'odd', offers: [], headers: []`;
  return `export const provider = { contract: ${CONTRACT_VERSION}, name: '${name}', ${facts},
    find() { ${find} }, ${verbs} };`;
}

t.test('bad input is told in one message that names the place and the mend', async (t) => {
  const dir = t.testdir({
    'cut.jsonl': '{"type":"run","version":1',
    'corrupt.jsonl': 'no journal at all\n',
    'image.bin': 'not a kernel',
    file: '',
    used: { 'journal.jsonl': '' },
    lost: t.fixture('symlink', 'moon'),
    throwing: { 'index.js': oddProvider('throwing', "throw new Error('no luck')") },
    nonsense: { 'index.js': oddProvider('nonsense', '{}') },
    deep: { alloc: { 'deep.json': '['.repeat(100_000) } },
    cases: { alloc: { 'bad.json': '{"topic": "x"}' } },
    lists: { vgem: { fails: {} }, qxl: { skips: t.fixture('symlink', 'moon') } },
  });
  const all = ['run', '--all', '--output'];
  const lists = ['run', '--all', '--expectations', `${dir}/lists`];
  const out = ['--output', `${dir}/out`];
  const rows: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [[], /Give a command; uapi-conform --help/],
    [['rnu'], /Did you mean run\? See uapi-conform --help\.$/],
    [['compare', 'one'], /too few arguments: 1 of 2\. See uapi-conform compare --help/],
    [['run', '--al'], /Unknown argument: al\. See uapi-conform run --help/],
    [['run', '--jobs', 'two'], /--jobs two: give a whole number/],
    [['run', '--jobs', '0'], /--jobs 0: give a whole number, 1 or more/],
    [['run', '--jobs'], /[Nn]ot enough arguments.*jobs/],
    [['run', '--timeout-scale=-1'], /--timeout-scale -1: give a number above zero/],
    [['run', '--output', 'a', '--output', 'b'], /--output is given 2 times/],
    [['run', '--format', 'pdf'], /--format pdf: give .* junit, ktap/],
    [['run', '--seed', '5'], /--seed goes with --shuffle/],
    [['run', '--shard', '0/5'], /--shard 0\/5: give which of how many/],
    [['run', '--shard', '2'], /--shard 2: give which of how many/],
    [['run', '--require', 'moon'], /--require moon: give .* no-device/],
    [['run', '--max-failures', '0'], /--max-failures 0: give a whole number, 1 or more/],
    [['run', '--fail-fast', '--max-failures', '2'], /--fail-fast means --max-failures 1/],
    [['run', '--all', '--expectations', `${dir}/moon`, ...out], /moon: the expectations cannot/],
    [[...lists, ...out], /qxl\/skips: it cannot be read: ENOENT.*\n.*vgem\/fails: .*EISDIR/],
    [[...lists, '--target', 'vm', '--kernel', `${dir}/image.bin`, ...out], /qxl\/skips: /],
    [['merge', `${dir}/corrupt.jsonl`, ...out], /corrupt\.jsonl:1: /],
    [['merge', `${dir}/moon`], /[Mm]issing required argument: output/],
    [['expectations'], /expectations update RUN/],
    [['expectations', 'update'], /0 of 1\. See uapi-conform expectations update --help/],
    [['list', '--provider', 'vgem'], /--provider vgem: give the path of a provider/],
    [['list', 'alloc/access', '--exclude', 'alloc/**'], /the filters leave no case/],
    [['list', 'dma-bfu'], /no id 'dma-bfu'; did you mean 'dma-buf'\? known: dma-buf, /],
    [['cases', 'check', `${dir}/deep`], /deep\.json: nested too deep/],
    [['expectations', 'update', `${dir}/moon`], /moon: .*there is no such file/],
    [['expectations', 'check', '--expectations', `${dir}/moon`], /moon: the expectations cannot/],
    [['compare', `${dir}/moon`, `${dir}/moon`], /moon: .*there is no such file/],
    [['compare', `${dir}/moon`, `${dir}/moon`, '--format', 'pdf'], /--format pdf: give/],
    [['run', '--target', 'board'], /--target board: give local, vm/],
    [['run', '--target', 'vm', '--kernel', `${dir}/x`], /x: no such file. Give a bzImage/],
    [['run', '--target', 'vm', '--kernel', `${dir}/image.bin`, ...out], /image\.bin/],
    [['run', ...out], /On local nothing is run unasked.*--device.*--all/],
    [['run', '--device', 'vgem@moon', ...out], /no device 'vgem@moon'/],
    [['run', '--all', '--provider', 'voodoo', ...out], /no provider 'voodoo'/],
    [['run', '--all', '--provider', './moon', ...out], /moon: there is no such/],
    [['devices', '--provider', `${dir}/throwing`], /'throwing' failed in find\(\): Error: no luck/],
    [['devices', '--provider', `${dir}/nonsense`], /'nonsense' failed in find\(\): TypeError/],
    [['run', '--all', 'moon/landing', ...out], /no id 'moon\/landing'/],
    [[...all, `${dir}/file`], /file: it cannot be written to.*Give another/],
    [[...all, `${dir}/lost/out`], /lost\/out: it cannot be written to.*Give another/],
    [[...all, '/proc/moon'], /moon: it cannot be written to.*Give another/],
    [[...all, `${dir}/used`], /of another run is there. Give another/],
    [['list', '--area', 'moon'], /no area 'moon'/],
    [['list', '--rule', 'MOON-001'], /no rule .*'MOON-001'/],
    [['list', 'moon/landing'], /no id 'moon\/landing'/],
    [['list', 'alloc/access/access-is-as-asked[access=moon]'], /no point 'alloc\/access/],
    [
      ['list', '--exclude', 'alloc/access/access-is-as-asked[access=moon]'],
      /no point 'alloc\/access/,
    ],
    [['list', '--points', 'alloc/access/access-is-as-asked@moon'], /no point .*@moon'/],
    [['list', ''], /ID is empty: give .* or leave it out/],
    [['run', '--all', ''], /ID is empty: give .* or leave it out/],
    [['run', '--all', 'alloc', ''], /ID is empty/],
    [['run', '--all', '--exclude', ''], /--exclude is empty: give .* or leave it out/],
    [['run', '--device', ''], /--device is empty/],
    [['run', '--all', '--output', ''], /--output is empty/],
    [['expectations', 'check', '--expectations', ''], /--expectations is empty/],
    [['cases', 'check', `${dir}/cases`], /bad\.json:1/],
    [['cases', 'check', `${dir}/moon`], /moon/],
    [['report', `${dir}/moon`], /moon: .*there is no such file/],
    [['report', `${dir}/corrupt.jsonl`], /corrupt\.jsonl:1: /],
    [['report', `${dir}/cut.jsonl`], /cut\.jsonl/],
    [['lab'], /lab list/],
    [['lab', 'fetch', 'moon'], /moon/],
    [['devices', '--target', 'ssh:'], /--target ssh:: give/],
  ];
  const before = readdirSync(dir).sort();
  for (const [args, says] of rows) {
    const error = await errorOf(args);
    const line = args.join(' ').replaceAll(dir, 'DIR');
    t.match(messageOf(error), says, `${line}: message`);
    t.equal(exitCodeOf(error), 2, `${line}: exit code`);
  }
  t.strictSame(readdirSync(dir).sort(), before, 'nothing is left where nothing was run');
});

t.test('the process ends with the code and tells on stderr', async (t) => {
  const { code, stdout, stderr } = await cli(['run', '--jobs', 'two']);
  t.match({ code, stdout }, { code: 2, stdout: '' });
  t.match(stderr, /^uapi-conform: --jobs two: .*\n$/, 'one line, no stack');
});

t.test('a run of nothing is no success, and still leaves its reports', async (t) => {
  const dir = t.testdir({});
  const args = ['run', '--all', '--provider', 'vgem', '--format', 'ktap', '--output', 'out'];
  const { code, stdout, stderr } = await cli(args, dir);
  if (existsSync('/dev/dri')) t.comment('this machine may have devices');
  else {
    t.equal(code, 3);
    t.match(stderr, /nothing was run: all \d+ points were skipped/);
    t.match(stdout, /no-device/);
  }
  const files = ['journal.jsonl', 'junit.xml', 'report.ktap', 'summary.txt'];
  t.strictSame(readdirSync(join(dir, 'out')).sort(), files);
  const junit = readFileSync(join(dir, 'out/junit.xml'), 'utf8');
  writeFileSync(join(dir, 'out/junit.xml'), '');
  const again = await cli(['report', 'out'], dir);
  t.equal(again.code, 0, again.stderr);
  t.equal(readFileSync(join(dir, 'out/junit.xml'), 'utf8'), junit, 'the report is made again');
});

for (const [stream, words, want] of [
  ['stdout', ['list', '--points'], 0],
  ['stderr', ['list', 'moon/landing'], 2],
] as const) {
  t.test(`a reader of ${stream} that goes away is no error`, async (t) => {
    const child = spawn(process.execPath, [MAIN, ...words], { stdio: 'pipe' });
    child[stream].destroy();
    let said = '';
    const collect = (chunk: Buffer) => {
      said += chunk.toString();
    };
    child[stream === 'stdout' ? 'stderr' : 'stdout'].on('data', collect);
    t.equal(await new Promise((resolve) => child.once('close', resolve)), want);
    t.equal(said, '');
  });
}

t.test('a reader who takes his time reads everything', async (t) => {
  const child = spawn(process.execPath, [MAIN, 'list'], { stdio: 'pipe' });
  // The socket takes less than all, and a command that is done does not linger so long.
  await setTimeout(3000);
  const lines = await text(child.stdout);
  t.match(lines, /\n$/, 'up to the end of a line');
  t.match(lines, /^submit\//m, 'of the last area');
});

t.test('every command shows help with an example and its exit codes', async (t) => {
  for (const words of [
    ['run'],
    ['list'],
    ['devices'],
    ['report'],
    ['merge'],
    ['expectations', 'update'],
    ['expectations', 'check'],
    ['compare'],
    ['cases', 'check'],
  ]) {
    const help = await commandLine([...words, '--help']).getHelp();
    t.match(help, /Examples:/, `${words.join(' ')}: an example`);
    t.match(help, /Exit codes: 0/, `${words.join(' ')}: exit codes`);
  }
});

const REQUEST: RunRequest = {
  target: { target: 'vm:newest', become: false, providers: ['x'], providerPaths: ['/p/x'] },
  filters: NO_FILTERS,
  isUnfiltered: true,
  all: false,
  caseDirectories: ['/my cases'],
  repeat: 3,
  sample: false,
  destructive: true,
  jobs: 2,
  required: [],
  isolate: false,
  timeoutScale: 2.5,
  policy: { keepGoing: false, reruns: 0, investigate: false },
  formats: [],
};

t.test('points of a plan carry what reports and judge need', async (t) => {
  const suite = await loadSuite([], []);
  const vgem = suite.providers.filter(({ name }) => name === 'vgem');
  const capabilities = vgem.flatMap(({ offers }) => offers);
  const device = { ...scriptedDevice('vgem@vgem'), capabilities };
  const first = suite.cases.find(({ roles }) =>
    Object.values(roles).every((role) => {
      return !role.provider && role.needs.every((need) => capabilities.includes(need));
    }),
  );
  const text = `${first?.id}\n  reason: known\nmoon/landing\n  reason: never`;
  const folders = new Map([['vgem', parseList(text, 'f', 'fails').entries]]);
  const expectations = new Expectations(folders, { kernel: '6.12', today: '2026-11-21' });
  const one = { ...suite, cases: first ? [first] : [] };
  const { points, notes } = planRun(REQUEST, one, [device], 2, expectations);
  t.equal(points.length, (first?.parameters.length ?? 0) * 3, 'each point in three rounds');
  t.match(points[0], {
    text: { title: first?.title, provider: 'vgem', reproduce: /--device vgem@vgem/ },
    expectation: { reason: 'known', place: 'f:1' },
    todo: { wire: { timeoutMs: (first?.timeoutMs ?? 0) * 5 }, wireCase: { id: first?.id } },
  });
  t.ok(points.every(({ text }) => text.rules.length > 0 && text.rules[0]?.expect));
  t.match(notes, [/^expectations: f:3: the entry 'moon\/landing' matches no point/]);
  const filtered = { ...REQUEST, isUnfiltered: false };
  t.strictSame(planRun(filtered, one, [device], 1, expectations).notes, []);
});

t.test('the line that reproduces a point has all that matters and no more', (t) => {
  const devices = { device: 'x@pci:0000:00:04.0', peer: 'x@pci:0000:00:04.0' };
  t.equal(
    reproduceLine(REQUEST, 'a/b/c[size=1]@x@pci:0000:00:04.0#3', devices),
    "uapi-conform run --target vm:newest --provider /p/x --cases '/my cases' " +
      '--device x@pci:0000:00:04.0 --destructive --timeout-scale 2.5 ' +
      "'a/b/c[size=1]@x@pci:0000:00:04.0'",
  );
  t.end();
});

t.test('a provider is a name or a path', (t) => {
  t.strictSame(chooseProviders(['vgem']), { names: ['vgem'], paths: [] });
  const { names, paths } = chooseProviders(['vgem', 'some/where/mine']);
  t.strictSame(names, ['vgem', 'mine']);
  t.strictSame(paths, [join(process.cwd(), 'some/where/mine')]);
  t.end();
});

t.test('an output directory goes again only if it was made and is empty', (t) => {
  const dir = t.testdir({ there: {} });
  const start = new Date();
  prepareOutput(join(dir, 'new/deep'), start).discard();
  t.strictSame(readdirSync(dir), ['there']);
  prepareOutput(join(dir, 'there'), start).discard();
  t.strictSame(readdirSync(dir), ['there']);
  const kept = prepareOutput(join(dir, 'kept'), start);
  t.throws(() => prepareOutput(join(dir, 'kept'), start), /journal.jsonl of another run is there/);
  writeFileSync(join(kept.path, 'console.log'), '');
  kept.discard();
  t.strictSame(readdirSync(dir).sort(), ['kept', 'there']);
  t.end();
});
