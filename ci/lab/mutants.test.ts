import t from 'tap';
import type { Case, Step } from '../../cases/types.gen.ts';
import { judgeMutants } from './mutant-verdicts.ts';
import { mutantCases } from './mutants.ts';

const ALLOC: Step = { alloc: { size: 4096 }, as: 'buffer' };

function caseOf(...steps: Step[]): Case {
  return { name: 'one', title: 'One case', rules: ['ALLOC-001'], steps };
}

/** Titles of the mutants of steps, without the case itself. */
function changes(kind: 'expectations' | 'deeds', ...steps: Step[]): readonly string[] {
  return [...mutantCases(caseOf(...steps), kind)].map(({ title }) => title).slice(1);
}

const EXPECTATIONS: readonly { name: string; step: Step; mutants: readonly string[] }[] = [
  { name: 'success alone cannot be made wrong', step: ALLOC, mutants: [] },
  {
    name: 'an errno is another one and none',
    step: { alloc: { size: 0 }, fails: 'EINVAL' },
    mutants: ['another errno', 'no errno'],
  },
  {
    name: 'each operand of equal differs from the first',
    step: { equal: [1, 1, 1] },
    mutants: ['different', 'different'],
  },
  {
    name: 'one of several is none of them',
    step: { oneOf: ['$ended.statuses', 'flushed', 'success'] },
    mutants: ['oneOf'],
  },
  {
    name: 'expectations inside other steps count',
    step: { repeat: { times: 2, steps: [{ openFds: {}, gives: { count: 3 } }] } },
    mutants: ['1: gives count'],
  },
];

for (const { name, step, mutants } of EXPECTATIONS) {
  t.test(name, async (t) => {
    t.same(
      changes('expectations', step),
      mutants.map((what) => `Mutant, step 1: ${what}`),
    );
  });
}

t.test('a wrong number has room where the right one has', async (t) => {
  const load: Step = { load: { from: '$view', width: 8 }, gives: { value: '0xff' } };
  const [, mutant] = [...mutantCases(caseOf(load), 'expectations')];
  t.same(mutant?.steps[0]?.gives, { value: '254' });
});

t.test('the case itself comes first, and each row is a case', async (t) => {
  const rows = { ...caseOf({ alloc: { size: '$size' } }), parameters: { size: [1, 2] } };
  const written = [...mutantCases(rows, 'expectations')];
  t.same(
    written.map(({ name, title, steps }) => [name, title, steps[0]?.alloc?.size]),
    [
      ['one-m0-r0', 'The case itself', 1],
      ['one-m0-r1', 'The case itself', 2],
    ],
  );
});

t.test('a deed is what comes before another step and nothing speaks of', async (t) => {
  const sleep: Step = { sleep: '1ms' };
  const close: Step = { close: { what: '$buffer' } };
  const refused: Step = { alloc: { size: 0 }, fails: 'EINVAL' };
  t.same(changes('deeds', ALLOC, sleep, close, refused), ['Mutant, step 3: left out']);
  t.same(changes('deeds', ALLOC, close), []);
  const inside: Step = { process: { steps: [ALLOC, sleep], give: ['buffer'] } };
  t.same(changes('deeds', inside, close), []);
});

t.test('a mutant is judged where the case itself passed', async (t) => {
  const point = (id: string, verdict: 'pass' | 'fail' | 'skip') => ({ id, title: 'T', verdict });
  const verdicts = judgeMutants([
    point('x/sound-m0-r0@a', 'pass'),
    point('x/sound-m0-r1@a', 'pass'),
    point('x/sound-m1-r0@a', 'pass'),
    point('x/sound-m1-r1@a', 'fail'),
    point('x/sound-m2-r0@a', 'pass'),
    point('x/sound-m2-r1@a', 'skip'),
    point('x/broken-m0-r0@a', 'fail'),
    point('x/broken-m1-r0@a', 'fail'),
    point('x/bare-m0-r0@a', 'pass'),
  ]);
  t.same(verdicts, {
    caught: ['x/sound-m1 (T)'],
    survivors: ['x/sound-m2 (T)'],
    unjudged: ['x/broken-m1 (T)'],
    without: ['x/bare'],
  });
});
