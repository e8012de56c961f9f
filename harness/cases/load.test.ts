import { mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../../uapi/project-root.ts';
import { checkCases } from './check.ts';
import { GEM, HEAP, loadFiles, MARK, placeOf, topicWith } from './fixture-cases.ts';
import { loadCases, ownCases } from './load.ts';
import { loadRules, readRules } from './rules.ts';
import { validators } from './validators.ts';
import { SIZE_ARGUMENTS, VERBS } from './verbs.ts';

const ALLOC = '{"alloc": {"size": "page"}, "as": "buffer"}';

t.test('a case is completed with defaults', async (t) => {
  const { cases, problems } = await loadFiles({ 'dma-buf/deep/topic.json': topicWith(ALLOC) });
  t.strictSame(problems, []);
  const [one] = cases;
  t.match(one?.file, /dma-buf\/deep\/topic.json$/);
  t.strictSame(
    { ...one, file: '' },
    {
      id: 'dma-buf/deep/topic/one',
      area: 'dma-buf',
      file: '',
      line: 2,
      title: 'A case',
      rules: ['ALLOC-001'],
      roles: { device: { needs: ['alloc', 'map', 'export'] } },
      parameters: [{}],
      wireParameters: [{}],
      steps: [{ alloc: { size: 'page' }, as: 'buffer' }],
      timeoutMs: 10_000,
      exclusive: false,
      destructive: false,
      expectLog: [],
    },
  );
});

t.test('what a case says of itself is taken over', async (t) => {
  const head = `"timeout": "1500ms", "exclusive": true, "destructive": true, "expectLog": ["^x"],
    "roles": {"device": {"needs": ["handles"], "provider": ["gem"]}, "other": {"needs": ["import"]}},
    "needs": ["alloc"],`;
  const { cases, problems } = await loadFiles({
    'area/topic.json': topicWith(
      `${ALLOC},\n{"on": "other", "import": {"dmabuf": "$buffer.fd"}}`,
      head,
    ),
  });
  t.strictSame(problems, []);
  t.match(cases[0], {
    timeoutMs: 1500,
    exclusive: true,
    destructive: true,
    expectLog: ['^x'],
    roles: {
      device: { needs: ['handles', 'alloc', 'map', 'export'], provider: ['gem'] },
      other: { needs: ['import'] },
    },
  });
});

t.test('lists of parameters are combined, rows are kept', async (t) => {
  const steps = '{"alloc": {"size": "$a+$b"}}';
  const lists = topicWith(steps, '"parameters": {"a": [1, 2], "b": ["page", 0]},');
  const rows = topicWith(steps, '"parameters": [{"a": 1, "b": 2}, {"a": 3, "b": 4}],');
  const { cases } = await loadFiles({ 'area/lists.json': lists, 'area/rows.json': rows });
  t.strictSame(cases[0]?.parameters, [
    { a: 1, b: 'page' },
    { a: 1, b: 0 },
    { a: 2, b: 'page' },
    { a: 2, b: 0 },
  ]);
  t.strictSame(cases[1]?.parameters, [
    { a: 1, b: 2 },
    { a: 3, b: 4 },
  ]);
});

t.test('names of constants become numbers', async (t) => {
  const steps = `{"ioctl": {"command": "DRM_IOCTL_PRIME_HANDLE_TO_FD",
      "fields": {"handle": "0x10", "flags": "DRM_CLOEXEC|DRM_RDWR", "fd": -1}},
      "gives": {"result": 0, "flags": "DRM_RDWR"}, "as": "reply"},
    {"ioctl": {"command": "DRM_IOCTL_PRIME_HANDLE_TO_FD", "fields": {"flags": "$flags"}}},
    {"ioctl": {"command": "DMA_BUF_IOCTL_SYNC", "fd": "$reply.fd",
      "fields": {"flags": "0xffffffffffffffff"}}, "fails": "EINVAL"},
    {"alloc": {"size": "$reply.flags"}}`;
  const head = `"parameters": {"flags": ["DRM_RDWR", 0, "O_NONBLOCK"]},
    "roles": {"device": {"needs": ["alloc"], "provider": ["gem"]}},`;
  const { cases, problems } = await loadFiles({ 'area/topic.json': topicWith(steps, head) });
  t.strictSame(problems, []);
  t.match(cases[0]?.steps, [
    {
      ioctl: { fields: { handle: 16, flags: 0x80002, fd: -1 } },
      gives: { result: 0, flags: 2 },
    },
    { ioctl: { fields: { flags: '$flags' } } },
    { ioctl: { fields: { flags: '0xffffffffffffffff' } } },
  ]);
  t.strictSame(cases[0]?.parameters, [
    { flags: 'DRM_RDWR' },
    { flags: 0 },
    { flags: 'O_NONBLOCK' },
  ]);
  t.strictSame(cases[0]?.wireParameters, [{ flags: 2 }, { flags: 0 }, { flags: 0x800 }]);
});

t.test('another process has what is passed, its own sessions, and gives things back', async (t) => {
  const steps = `${ALLOC},
    {"export": {"buffer": "$buffer"}, "as": "dmabuf"},
    {"process": {"pass": ["$dmabuf"], "give": ["mine"], "steps": [
      {"stat": {"fd": "$dmabuf"}},
      {"alloc": {"size": "$size"}, "as": "buffer"},
      {"export": {"buffer": "$buffer"}, "as": "mine"},
      {"map": {"what": "$dmabuf"}, "as": "mapping"},
      {"touch": {"mapping": "$mapping", "offset": 0, "how": "read"}}]}},
    {"stat": {"fd": "$mine"}}`;
  const text = topicWith(steps, '"parameters": {"size": ["page"]},');
  const { problems } = await loadFiles({ 'area/topic.json': text });
  t.strictSame(problems, []);
});

const PAIR = `{"title": "A buffer and its dma-buf",
"parameters": {"size": "page", "more": 1},
"steps": [
  {"alloc": {"size": "$size+$more"}, "as": "buffer"},
  {"export": {"buffer": "$buffer"}, "as": "dmabuf"}
]}`;

t.test('steps of a fixture come first, with its parameters put in', async (t) => {
  const head =
    '"parameters": {"bytes": [4, 8]}, "given": {"fixture": "pair", "with": {"size": "$bytes"}},';
  const text = topicWith('{"stat": {"fd": "$dmabuf"}}', head);
  const { cases, problems } = await loadFiles({
    'fixtures/pair.json': PAIR,
    'area/topic.json': text,
  });
  t.strictSame(problems, []);
  t.match(cases[0]?.steps, [
    { alloc: { size: '$bytes+1' }, as: 'buffer' },
    { export: { buffer: '$buffer' }, as: 'dmabuf' },
    { stat: { fd: '$dmabuf' } },
  ]);
});

interface FixtureRow {
  readonly name: string;
  readonly given: string;
  readonly steps?: string;
  readonly head?: string;
  readonly says: string;
}

const fixtures: readonly FixtureRow[] = [
  {
    name: 'a fixture that there is not',
    given: `{"fixture": ${MARK}"pear"}`,
    // The project's own fixtures follow.
    says: "there is no fixture 'pear'; did you mean 'pair'? known: pair",
  },
  {
    name: 'a parameter that the fixture has not',
    given: `{"fixture": "pair", "with": {${MARK}"sise": 1}}`,
    says: "'pair' has no parameter 'sise'; did you mean 'size'? known: size, more",
  },
  {
    name: 'a value that does not fit into the fixture',
    given: `{"fixture": "pair", "with": ${MARK}{"size": "page-1"}}`,
    says: "'page-1' is no single term, so it does not fit into '$size+$more'",
  },
  {
    name: 'a value that refers to nothing',
    given: `${MARK}{"fixture": "pair", "with": {"size": "$bytes"}}`,
    says: "in the fixture, fixtures/pair.json:4: nothing before this step makes '$bytes'; did you mean '$device'? known: $device",
  },
  {
    name: 'a fixture that needs more than its case says',
    given: `${MARK}{"fixture": "pair"}`,
    head: '"roles": {"one": {"needs": ["alloc"]}},',
    says: "in the fixture, fixtures/pair.json:5: this needs 'export' of the role 'one'; add it to its needs",
  },
  {
    name: 'a name that the fixture has taken',
    given: '{"fixture": "pair"}',
    steps: `{"alloc": {"size": 1}, "as": ${MARK}"buffer"}`,
    says: "the name 'buffer' is taken; choose another",
  },
];

for (const { name, given, steps = '{"stat": {"fd": "$dmabuf"}}', head = '', says } of fixtures) {
  t.test(name, async (t) => {
    const text = topicWith(steps, `${head}\n"given": ${given},`);
    const { problems } = await loadFiles({ 'fixtures/pair.json': PAIR, 'area/topic.json': text });
    const told = `area/topic.json:${placeOf(text)}: ${says}`;
    t.equal(problems[0]?.slice(0, told.length), told);
  });
}

t.test('a fixture is checked by itself', async (t) => {
  const text = `{"title": "A fixture", "parameters": {${MARK}"size": 1},\n"steps": [{"openFds": {}}]}`;
  const files = { 'fixtures/odd.json': text, 'area/topic.json': topicWith(ALLOC) };
  const { problems } = await loadFiles(files);
  t.strictSame(problems, [
    `fixtures/odd.json:${placeOf(text)}: no step uses the parameter 'size'; use $size or remove it`,
  ]);
});

t.test('all problems are told, in the order of files and lines', async (t) => {
  const bad = topicWith('{"alloc": {"sise": 1}},\n{"aloc": {}}');
  const { problems } = await loadFiles({
    'b/topic.json': bad,
    'a/topic.json': bad,
    'a/x.json': '{',
  });
  t.strictSame(
    problems.map((line) => line.split(': ', 1)[0]),
    [
      'a/topic.json:4:11',
      'a/topic.json:4:12',
      'a/topic.json:5:2',
      'a/x.json:1:1',
      'b/topic.json:4:11',
      'b/topic.json:4:12',
      'b/topic.json:5:2',
    ],
  );
});

t.test('paths that make no ids are refused', async (t) => {
  const { problems } = await loadFiles({ 'area/My_Topic.json': topicWith(ALLOC) });
  t.strictSame(problems, [
    'area/My_Topic.json: ids come from paths: name it in lower-case words with hyphens',
  ]);
});

t.test('a file that cannot be read is named', async (t) => {
  const { problems } = await loadFiles({
    'area/odd.json/x.txt': '',
    'area/y.json': topicWith(ALLOC),
  });
  t.strictSame(problems, [
    'area/odd.json: cannot be read: EISDIR: illegal operation on a directory, read',
  ]);
});

t.test('directories without cases are refused', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'uapi-conform-cases-'));
  const says = (text: string) => ({ name: 'UsageError', message: `${directory}: ${text}` });
  await t.rejects(
    loadCases([directory], [GEM]),
    says('holds no topic file; write one as cases/README.md explains'),
  );
  rmdirSync(directory);
  await t.rejects(
    loadCases([directory], [GEM]),
    says(
      `cannot be read as a case directory: ENOENT: no such file or directory, scandir '${directory}'`,
    ),
  );
});

t.test('an id that two directories have is refused', async (t) => {
  const directories = [1, 2].map(() => mkdtempSync(join(tmpdir(), 'uapi-conform-cases-')));
  const [first = '', second = ''] = directories;
  for (const directory of directories)
    writeFileSync(join(directory, 'area.json'), topicWith(ALLOC));
  await t.rejects(loadCases(directories, [GEM]), {
    message: `${second}/area.json:2:1: the id 'area/one' is taken by ${first}/area.json:2; rename one`,
  });
  for (const directory of directories) rmSync(directory, { recursive: true });
});

t.test('a provider whose header is not described is named', async (t) => {
  const odd = { ...GEM, headers: ['drm/nothing'] };
  const { problems } = await loadFiles({ 'area/topic.json': topicWith(ALLOC) }, [odd]);
  t.strictSame(problems, [
    "provider gem: names the header 'drm/nothing', which uapi/headers lacks",
  ]);
});

t.test('the rules of this tree are in order', async (t) => {
  const rules = loadRules();
  t.match(rules.get('ALLOC-001'), { title: 'Size 0 is refused', expect: '`EINVAL`', live: true });
  t.ok(rules.size > 100);
});

t.test('rules that are not in order are refused', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'uapi-conform-rules-'));
  const rule = { ...loadRules().get('ALLOC-001') };
  const text = JSON.stringify([rule, rule, { ...rule, id: 'MAP-001' }, { ...rule, id: 'x' }]);
  writeFileSync(join(folder, 'alloc.json'), text);
  t.throws(() => readRules(folder, folder), {
    message: /^alloc.json:1:\d+: 'x' is not an id such as ALLOC-001/,
  });
  writeFileSync(join(folder, 'alloc.json'), text.replace('"id":"x"', '"id":"ALLOC-900"'));
  t.throws(() => readRules(folder, folder), {
    message:
      /^alloc.json:1:\d+: 'ALLOC-001' is taken; ids .*\nalloc.json:1:\d+: 'MAP-001' belongs into another file/,
  });
  rmSync(folder, { recursive: true });
});

t.test('a summary counts cases, points and rules', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'uapi-conform-cases-'));
  const text = topicWith('{"alloc": {"size": "$size"}}', '"parameters": {"size": [1, 2, 3]},');
  writeFileSync(join(directory, 'area.json'), text);
  const summary = await checkCases([directory], [GEM, HEAP]);
  t.match(summary, {
    cases: 1,
    points: 3,
    areas: { area: { cases: 1, points: 3 } },
    rulesCovered: ['ALLOC-001'],
  });
  t.equal(summary.rulesWithoutCases.length, loadRules().size - 1);
  rmSync(directory, { recursive: true });
});

interface SchemaNode {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
}

t.test('what the host knows of verbs agrees with the schema', async (t) => {
  const text = readFileSync(join(projectRoot(), 'cases/case.schema.json'), 'utf8');
  const schema: { $defs: Record<string, SchemaNode> } = JSON.parse(text);
  const step = schema.$defs['step']?.properties ?? {};
  const common = ['on', 'as', 'fails', 'mayFail', 'mayRefuse', 'gives', 'takes', 'within', 'note'];
  const verbs = Object.keys(step).filter((key) => !common.includes(key));
  t.strictSame(new Set(verbs), new Set(Object.keys(VERBS)));
  for (const [verb, { properties = {} }] of Object.entries(step)) {
    for (const [name, { $ref }] of Object.entries(properties)) {
      if (verb === 'load' && name === 'from') continue; // elsewhere it is a position
      t.equal($ref === '#/$defs/size', SIZE_ARGUMENTS.has(name), `${verb}.${name}`);
    }
  }
  t.type(validators().topic, 'function');
});

t.test('the cases of this tree are in order', async (t) => {
  const { loadProviders } = await import('../providers.ts');
  await t.resolves(loadCases([ownCases()], await loadProviders([]), { afresh: true }));
});

t.test(
  'the page on the format knows all verbs and arguments, and its examples are in order',
  async (t) => {
    const page = readFileSync(join(ownCases(), 'README.md'), 'utf8');
    const text = readFileSync(join(ownCases(), 'case.schema.json'), 'utf8');
    const schema: { $defs: Record<string, SchemaNode> } = JSON.parse(text);
    for (const verb of Object.keys(VERBS)) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${verb}\``)) ?? '';
      t.not(row, '', `there is a row for ${verb}`);
      if (['ioctl', 'bytes'].includes(verb)) continue;
      const { properties = {} } = schema.$defs['step']?.properties?.[verb] ?? {};
      for (const name of Object.keys(properties))
        t.match(row, `\`${name}\``, `${verb} takes ${name}`);
    }
    const blocks = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => json);
    const whole = blocks.filter((json) => json.includes('"topic"') || json.includes('"title"'));
    const [topic = '', fixture = ''] = whole;
    const files = { 'alloc/size.json': topic, 'fixtures/shared-buffer.json': fixture };
    t.strictSame((await loadFiles(files)).problems, []);
    for (const json of blocks.filter((block) => block.startsWith('{') && !whole.includes(block))) {
      t.ok(validators().step(JSON.parse(json)), json);
    }
  },
);
