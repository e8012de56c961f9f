import t from 'tap';
import { loadFiles, MARK, placeOf, topicWith } from './fixture-cases.ts';

/** Background processes and forks, as the loader checks them. */

const process = (more: string, steps = '{"sleep": "5ms"}') =>
  `"process": {"background": true, ${more}"steps": [${steps}]}`;

t.test('a background process with its steps and its join is accepted', async (t) => {
  const steps = `{${process('', '{"sleep": "5ms"}, {"interrupt": {"every": "1ms", "times": 3}}')}, "as": "other"},
    {"atLeast": ["$other.pid", 1]}, {"join": {"process": "$other", "stop": true}}, {${process('')}}`;
  t.strictSame((await loadFiles({ 'x/y.json': topicWith(steps) })).problems, []);
});

t.test('a fork knows the names outside, and keeps its own', async (t) => {
  const inside = '{"stat": {"fd": "$pipe"}}, {"pipe": {}, "as": "another"}';
  const steps = `{"pipe": {}, "as": "pipe"}, {"process": {"fork": true, "steps": [${inside}]}}`;
  t.strictSame((await loadFiles({ 'x/y.json': topicWith(steps) })).problems, []);
});

const rows = [
  ['a sleep outside', `{${MARK}"sleep": "5ms"}`, "'sleep' is for what runs while other steps do;"],
  [
    'an interrupt in a process that is waited for',
    `{"process": {"steps": [{${MARK}"interrupt": {"every": "5ms"}}]}}`,
    "'interrupt' is for what runs while other steps do;",
  ],
  [
    'a name for a process that is waited for',
    `{"process": {"steps": [{"openFds": {}}]}, ${MARK}"as": "other"}`,
    "'process' gives nothing; remove 'as'",
  ],
  [
    'a join of something else',
    `{"pipe": {}, "as": "pipe"}, {"join": {"process": ${MARK}"$pipe"}}`,
    "'$pipe' is a descriptor; 'process' takes a process",
  ],
  [
    'what a background process would give',
    `{"process": {"background": true, ${MARK}"give": ["pipe"], "steps": [{"pipe": {}, "as": "pipe"}]}}`,
    'a process in the background gives nothing back; remove it',
  ],
  [
    'a fork that is passed something',
    `{"pipe": {}, "as": "pipe"}, {"process": {"fork": true, ${MARK}"pass": ["$pipe"], "steps": [{"openFds": {}}]}}`,
    "a fork has everything that there is; remove 'pass'",
  ],
  [
    'limits of a process of its own',
    `{"process": {${MARK}"limits": {"openFiles": 3}, "steps": [{"openFds": {}}]}}`,
    'only a fork can be restricted; add "fork": true',
  ],
  [
    'a process that a fork starts',
    `{"process": {"fork": true, "steps": [{${MARK}"process": {"steps": [{"openFds": {}}]}}]}}`,
    'a fork starts no process; start it from the steps outside',
  ],
  [
    'a sleep that is no duration',
    `{${process('', `{"sleep": ${MARK}"long"}`)}}`,
    "'long' is not a duration",
  ],
] as const;

for (const [name, step, says] of rows) {
  t.test(`${name} is refused`, async (t) => {
    const text = topicWith(step);
    const { problems } = await loadFiles({ 'x/y.json': text });
    t.equal(problems.length, 1, problems.join());
    t.ok(problems[0]?.startsWith(`x/y.json:${placeOf(text)}: ${says}`), problems.join());
  });
}
