import t from 'tap';
import type { Provider } from '../../providers/contract.ts';
import { GEM, loadFiles, MARK, placeOf } from './fixture-cases.ts';

/** Verbs that change a device for everybody, as the loader checks them. */

const SOFT: Provider = { ...GEM, name: 'soft', offers: ['verbs', 'unplug', 'port-switch'] };

const topic = (steps: string, head = '', needs = '"unplug", "port-switch"') => `{"topic": "A topic",
"needs": [${needs}],
"cases": [{"name": "one", "title": "A case", "rules": ["ALLOC-001"],${head} "steps": [${steps}]}]}`;

const BOTH = '"destructive": true, "exclusive": true,';

t.test('a case that says that it disturbs takes devices away and gives them back', async (t) => {
  const steps = `{"close": {"what": "$device"}}, {"removeDevice": {"background": true}, "as": "remover"},
    {"join": {"process": "$remover"}}, {"addDevice": {}}, {"setPort": {"state": "down", "mtu": "2KiB"}}`;
  t.strictSame((await loadFiles({ 'x/y.json': topic(steps, BOTH) }, [SOFT])).problems, []);
});

const mend = 'changes the device for everybody; add "destructive": true and "exclusive": true';

for (const [name, text, says] of [
  ['a removal in a harmless case', topic(`{${MARK}"removeDevice": {}}`), `'removeDevice' ${mend}`],
  [
    'an addition that others run beside',
    topic(`{${MARK}"addDevice": {}}`, '"destructive": true,'),
    `'addDevice' ${mend}`,
  ],
  [
    'a switch in a process of a harmless case',
    topic(`{"process": {"steps": [{${MARK}"setPort": {"state": "up"}}]}}`, '"exclusive": true,'),
    `'setPort' ${mend}`,
  ],
  [
    'a removal without its capability',
    topic(`{${MARK}"removeDevice": {}}`, BOTH, '"verbs"'),
    "this needs 'unplug' of the role 'device'",
  ],
  [
    'a name for a removal that is waited for',
    topic(`{"removeDevice": {}, ${MARK}"as": "remover"}`, BOTH),
    "'removeDevice' gives nothing; remove 'as'",
  ],
] as const) {
  t.test(`${name} is refused`, async (t) => {
    const { problems } = await loadFiles({ 'x/y.json': text }, [SOFT]);
    t.equal(problems.length, 1, problems.join());
    t.ok(problems[0]?.startsWith(`x/y.json:${placeOf(text)}: ${says}`), problems.join());
  });
}
