import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { CONTRACT_VERSION } from '../providers/contract.ts';
import { codeHash } from './compiled-code.ts';
import { factsOf, keptFacts } from './provider-facts.ts';
import { loadOwnProviders, loadProviders } from './providers.ts';

function source(about: Readonly<Record<string, unknown>>): string {
  const whole = {
    contract: CONTRACT_VERSION,
    name: 'odd',
    title: 'Odd',
    driver: 'odd',
    offers: ['alloc'],
    headers: [],
    ...about,
  };
  const verbs = 'find: () => [], probe() {}, open() {}, adopt() {}';
  return `export const provider = { ...${JSON.stringify(whole)}, ${verbs} };`;
}

const folder = t.testdir({
  'package.json': '{"type": "module"}',
  odd: { 'index.js': source({}) },
  other: { odd: { 'index.js': source({}) } },
  empty: {},
  source: { 'index.ts': '' },
  'no-export': { 'index.js': 'export const supplier = {};' },
  broken: { 'index.js': 'import "./gone.js";' },
  older: { 'index.js': source({ contract: CONTRACT_VERSION - 1 }) },
  part: { 'index.js': 'export const provider = { contract: 1, name: "part" };' },
  misnamed: { 'index.js': source({}) },
  strange: { 'index.js': source({ name: 'strange', offers: ['alloc', 'fly'] }) },
});

t.test('the providers of this tree come first, others by path', async (t) => {
  const own = (await loadProviders([])).map(({ name }) => name);
  t.strictSame(own, [...own].sort());
  t.ok(own.includes('vgem'));
  const all = (await loadProviders([`${folder}/odd`])).map(({ name }) => name);
  t.strictSame(all, [...own, 'odd'].sort());
});

t.test('what the build keeps of the providers of this tree is what they say', async (t) => {
  const own = await loadOwnProviders();
  t.strictSame(keptFacts(), own.map(factsOf));
});

t.test('other code is other code, tests apart', async (t) => {
  const folder = t.testdir({ 'a.js': '1', 'a.test.js': '1', deep: { 'b.js': '1' } });
  const url = pathToFileURL(`${folder}/`);
  // Nothing is read twice within a process, so each look is at another name of the folder.
  let looks = 0;
  const look = (isDeep: boolean) => codeHash([{ url: new URL(`?${looks++}`, url), isDeep }]);
  const [flat, deep] = [look(false), look(true)];
  writeFileSync(`${folder}/a.test.js`, '2');
  t.strictSame([look(false), look(true)], [flat, deep]);
  writeFileSync(`${folder}/deep/b.js`, '2');
  t.equal(look(false), flat);
  t.not(look(true), deep);
});

const rows: readonly (readonly [string, readonly string[], string])[] = [
  ['a folder that there is not', ['gone'], 'gone: there is no such provider folder'],
  [
    'a folder without a provider',
    ['empty'],
    'empty: it holds no index.js; give the folder that holds the index.js of a provider',
  ],
  [
    'a provider that is not compiled',
    ['source'],
    'source: it holds no index.js; there is an index.ts: compile it, and give the folder with the result',
  ],
  [
    'a module without a provider',
    ['no-export'],
    "no-export/index.js: it exports no 'provider'; write: export const provider: Provider = { … }, as providers/contract.ts says",
  ],
  ['a module that cannot be loaded', ['broken'], 'broken/index.js: cannot be loaded: '],
  [
    'a provider for another contract',
    ['older'],
    `older/index.js: it was written for contract version ${CONTRACT_VERSION - 1}, this suite has version ${CONTRACT_VERSION}; take the provider, or the suite, of the same version`,
  ],
  [
    'a provider that lacks members',
    ['part'],
    'part/index.js: the provider lacks title, driver, offers, headers, find, probe, open, adopt; providers/contract.ts says what they are',
  ],
  [
    'a provider in a folder of another name',
    ['misnamed'],
    "misnamed/index.js: the provider 'odd' is in 'misnamed'; a provider is named like its folder; rename one of them",
  ],
  [
    'a capability that there is not',
    ['strange'],
    "strange/index.js: it offers 'fly', which is no capability; did you mean '",
  ],
  [
    'a name that is taken',
    ['odd', 'other/odd'],
    `other/odd: the provider 'odd' is in ${folder}/odd too; rename this one`,
  ],
];

for (const [name, paths, says] of rows) {
  t.test(`${name} is refused`, async (t) => {
    const wanted = `${folder}/${says}`;
    try {
      await loadProviders(paths.map((path) => `${folder}/${path}`));
      t.fail(says);
    } catch (error) {
      t.match(error, { name: 'UsageError' });
      t.equal(error instanceof Error ? error.message.slice(0, wanted.length) : '', wanted);
    }
  });
}
