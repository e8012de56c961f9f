import t from 'tap';
import { loadProviders } from '../providers.ts';
import { type CaseText, readCaseTexts } from './case-files.ts';
import { CheckedCases } from './checked-cases.ts';
import { GEM } from './fixture-cases.ts';
import { loadCases, ownCases } from './load.ts';
import { ruleTexts } from './rules.ts';

const providers = await loadProviders([]);
const { topics, fixtures } = readCaseTexts(ownCases(), []);
const library = [...fixtures, ...ruleTexts()];

function changed(text: CaseText): CaseText {
  return { ...text, text: `${text.text} ` };
}

t.test('what the build keeps of a case is what a check of it gives', async (t) => {
  const afresh = await loadCases([ownCases()], providers, { afresh: true });
  const kept = await loadCases([ownCases()], providers);
  t.ok(CheckedCases.open(providers, library), 'the build kept the cases of this tree');
  t.equal(kept.length, afresh.length);
  for (const [index, one] of afresh.entries()) {
    const other = kept[index];
    if (JSON.stringify(other) !== JSON.stringify(one)) t.strictSame({ ...other }, { ...one });
  }
});

t.test('a file that was changed is checked', async (t) => {
  const checked = CheckedCases.open(providers, library);
  for (const topic of topics) t.ok(checked?.find(topic), topic.id);
  for (const topic of topics) t.notOk(checked?.find(changed(topic)), topic.id);
});

t.test('with another fixture, rule or provider everything is checked', async (t) => {
  for (const index of library.keys()) {
    t.notOk(
      CheckedCases.open(
        providers,
        library.map((one, at) => (at === index ? changed(one) : one)),
      ),
    );
  }
  t.notOk(CheckedCases.open(providers, library.slice(1)), 'one less');
  t.notOk(CheckedCases.open(providers.slice(1), library), 'a provider less');
  const [first, ...rest] = providers;
  const less = first === undefined ? [] : [{ ...first, offers: [] }];
  t.notOk(CheckedCases.open([...less, ...rest], library), 'one that offers less');
});

t.test('a provider from elsewhere has the cases checked that it can play in', async (t) => {
  const checked = CheckedCases.open([...providers, GEM], library);
  const isKept = (topic: CaseText) => checked?.find(topic) !== undefined;
  t.ok(topics.some(isKept));
  t.notOk(topics.every(isKept));
});
