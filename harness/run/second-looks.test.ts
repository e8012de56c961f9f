/** Second looks at known flakes, and at what failed before a run was interrupted. */
import { join } from 'node:path';
import t from 'tap';
import type { PointEnd } from '../protocol.ts';
import { play, point } from './play.ts';
import type { RunPoint } from './run-point.ts';
import type { Script } from './scripted-agent.ts';
import { StopSignals } from './stop-signals.ts';

const failed: PointEnd = {
  kind: 'failed',
  failure: { step: '1', action: 'x', expected: '0', actual: '1' },
};

/** A point that is known to fail now and then. */
function flaky(id: string): RunPoint {
  const reason = 'a race';
  return {
    ...point(id),
    expectation: { flaky: true, verdicts: ['fail'], reason, place: 'flakes:1' },
  };
}

const FLAKES = [
  { fails: [true, false, false], said: /got 1; known: a race \(flakes:1\); failed 1 of 3 runs$/ },
  { fails: [true, true, true], said: /failed 3 of 3 runs, is it a flake at all\?$/ },
];
for (const { fails, said } of FLAKES) {
  t.test(`a flake runs again and does not gate: ${fails.join(', ')}`, async (t) => {
    const ends = [...fails];
    const onPoint: Script['onPoint'] = ({ id }, agent) => {
      agent.started(id);
      agent.ended(id, id === 'flake' && ends.shift() ? failed : { kind: 'done' });
    };
    const points = [flaky('flake'), point('a')];
    const looks = { reruns: 2, investigate: true };
    const { run, verdicts } = await play(t, { onPoint }, points, undefined, looks);
    t.strictSame(verdicts, { flake: 'flake', a: 'pass' });
    t.match(run.points[0]?.reason, said);
    t.equal(run.points[0]?.investigation, undefined, 'only surprises are investigated');
    t.strictSame(ends, [], 'it ran as often as it was told to');
  });
}

t.test('what failed before an interruption is looked at by the run that goes on', async (t) => {
  const journal = join(t.testdir({}), 'journal.jsonl');
  const points = ['first', 'bad', 'last', 'never'].map((id) => point(id));
  const looks = { reruns: 1, investigate: true };
  const stop = new StopSignals();
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    if (id === 'never') return;
    agent.started(id);
    if (id === 'last') setImmediate(() => stop.press(5000));
    else agent.ended(id, id === 'bad' ? failed : { kind: 'done' });
  };
  const onCancel: Script['onCancel'] = (agent) => agent.ended('last');
  const cut = await play(t, { onPoint, onCancel }, points, stop, looks, journal);
  t.match(cut.run.points[1], { id: 'bad', verdict: 'fail', reason: /got 1$/ });

  let before = '';
  const again: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    agent.ended(id, id === 'bad' && before === 'first' ? failed : { kind: 'done' });
    before = id;
  };
  const { run } = await play(t, { onPoint: again }, points, undefined, looks, journal);
  t.match(run.end, { outcome: 'complete' });
  t.equal(run.points.length, 4);
  t.match(run.points[1], {
    verdict: 'fail',
    reason: /got 1; failed 1 of 2 runs$/,
    investigation: 'fails only after first',
  });

  t.test('and once is enough', async (t) => {
    const sent: string[] = [];
    const onPoint: Script['onPoint'] = ({ id }) => sent.push(id);
    await play(t, { onPoint }, points, undefined, looks, journal);
    t.strictSame(sent, []);
  });
});
