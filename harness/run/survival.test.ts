/** Kernels that die under a run, failures that run again, and the limit of a run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { PointEnd } from '../protocol.ts';
import { play, point } from './play.ts';
import { readEarlierRun } from './read-earlier-run.ts';
import type { RunPoint } from './run-point.ts';
import { type Script, type ScriptedAgent, scriptedDevice } from './scripted-agent.ts';
import { StopSignals } from './stop-signals.ts';

const oops = { timeUs: 1, level: 4, text: 'BUG: unable to handle page fault', sign: 'BUG' };

t.test('a kernel that died is booted anew, and no point is blamed twice', async (t) => {
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    if (id === 'bad') agent.ended(id, { kind: 'done' }, { kernelLog: [oops] });
    else if (agent.number === 2 || id === 'a') agent.ended(id);
  };
  const played = await play(
    t,
    { onPoint },
    ['a', 'bad', 'b', 'c'].map((id) => point(id)),
  );
  t.strictSame(played.verdicts, { a: 'pass', bad: 'unhealthy', b: 'pass', c: 'pass' });
  t.equal(played.agents.length, 2);
  t.match(played.run.notes, [/the kernel of scripted died in bad \(BUG: .*booted anew/]);
  t.equal(played.end.broken, undefined);
});

const DEAD = [
  { name: 'ends the run where it cannot be booted anew', keepGoing: false, rest: 'skip' },
  { name: 'is used all the same with --keep-going', keepGoing: true, rest: 'pass' },
];
for (const row of DEAD) {
  t.test(`a kernel that died ${row.name}`, async (t) => {
    const onPoint: Script['onPoint'] = ({ id }, agent) => {
      agent.started(id);
      agent.ended(id, { kind: 'done' }, id === 'bad' ? { taintAfter: 1 << 7 } : {});
    };
    const points = ['bad', 'x'].map((id) => point(id));
    const { keepGoing } = row;
    const played = await play(t, { onPoint, bootsAnew: false }, points, undefined, { keepGoing });
    t.strictSame(played.verdicts, { bad: 'unhealthy', x: row.rest });
    t.equal(played.agents.length, 1);
    if (row.rest === 'skip') {
      t.match(played.run.points[1], { skip: 'depends-on-failed', reason: /since bad .*taint: D/ });
    }
  });
}

t.test('what an earlier point provoked is not the first sign of a panic', async (t) => {
  const ubsan = { timeUs: 1, level: 4, text: 'UBSAN: shift in a.c:1', sign: 'UBSAN' };
  const signs = ['UBSAN: shift in a.c:1', 'BUG: kernel NULL pointer'];
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    if (id === 'b') agent.die({ kind: 'panic', message: 'Kernel panic', console: '', signs });
    else agent.ended(id, { kind: 'done' }, { kernelLog: [ubsan] });
  };
  const points = ['a', 'b'].map((id) => point(id));
  const { run } = await play(t, { onPoint }, points);
  t.match(run.points[1], { reason: /Kernel panic \(first sign: BUG: kernel NULL pointer\)/ });
});

t.test('a warning does not end a kernel', async (t) => {
  const line = { ...oops, text: 'WARNING: CPU: 0', sign: 'WARNING' };
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    agent.ended(id, { kind: 'done' }, { kernelLog: [line], taintAfter: 1 << 9 });
  };
  const points = ['a', 'b'].map((id) => point(id));
  const played = await play(t, { onPoint }, points);
  t.equal(played.agents.length, 1);
});

const failed: PointEnd = {
  kind: 'failed',
  failure: { step: '1', action: 'x', expected: '0', actual: '1' },
};

t.test('a surprise failure runs again, and says how often it failed', async (t) => {
  let runs = 0;
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    agent.ended(id, id === 'bad' && runs++ % 2 === 0 ? failed : { kind: 'done' });
  };
  const points = ['a', 'bad', 'b'].map((id) => point(id));
  const played = await play(t, { onPoint }, points, undefined, { reruns: 3 });
  t.strictSame(played.verdicts, { a: 'pass', bad: 'fail', b: 'pass' });
  t.match(played.run.points[1], { id: 'bad', reason: /expected 0, got 1; failed 2 of 4 runs$/ });
  t.strictSame(played.end.verdicts, ['pass', 'fail', 'pass']);
  t.strictSame(played.run.interrupted, []);
});

t.test(
  'a rest that was given up makes the run no good one, though the death was expected',
  async (t) => {
    const onPoint: Script['onPoint'] = ({ id }, agent) => {
      agent.started(id);
      if (id === 'lost') agent.die();
      else agent.ended(id, { kind: 'done' }, { kernelLog: id === 'bad' ? [oops] : [] });
    };
    const known = (id: string, verdict: 'unhealthy' | 'crash'): RunPoint => ({
      ...point(id),
      expectation: { verdicts: [verdict], reason: 'bug 7', place: 'fails:3' },
    });
    const dead = { onPoint, bootsAnew: false };
    const { end, verdicts, run } = await play(t, dead, [known('bad', 'unhealthy'), point('x')]);
    t.strictSame(verdicts, { bad: 'expected-fail', x: 'skip' });
    t.match(end.broken, /kernel is not to be trusted since bad/);
    t.match(run.end, { outcome: 'failed' });
    t.test('nor where it cannot be had again', async (t) => {
      const { end } = await play(t, { onPoint, canReturn: false }, [
        known('lost', 'crash'),
        point('x'),
      ]);
      t.match(end.broken, /was lost in lost, and it cannot be had again/);
    });
    t.test('but for the last point there is no rest', async (t) => {
      const { end } = await play(t, dead, [point('x'), known('bad', 'unhealthy')]);
      t.equal(end.broken, undefined);
    });
  },
);

t.test('a last point that takes the target along leaves the second looks', async (t) => {
  const sent: string[] = [];
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    sent.push(id);
    agent.started(id);
    if (id === 'dies' && agent.number === 1) agent.die();
    else agent.ended(id, id === 'bad' ? failed : { kind: 'done' });
  };
  const points = ['a', 'bad', 'dies'].map((id) => point(id));
  const looks = { reruns: 1, investigate: true };
  const played = await play(t, { onPoint }, points, undefined, looks);
  t.match(played.run.points[1], { reason: /failed 2 of 2 runs$/, investigation: 'fails alone' });
  t.match(played.run.points[2], {
    investigation: 'does not fail again, neither alone nor after bad',
  });
  t.strictSame(played.run.notes, ['scripted did not say at the end what leaked over the run']);
  t.strictSame(sent, ['a', 'bad', 'dies', 'bad', 'bad', 'dies', 'dies', 'bad', 'dies']);

  t.test('and says where there can be none', async (t) => {
    const { run } = await play(t, { onPoint, canReturn: false }, points, undefined, looks);
    t.match(run.notes[1], /^second looks are missing: scripted is gone, it cannot be had again$/);
    t.equal(run.points[1]?.investigation, undefined);
  });
});

t.test('second looks need the devices, each time', async (t) => {
  const both = [scriptedDevice('vgem@vgem'), scriptedDevice('udmabuf@udmabuf')];
  const sent: string[] = [];
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    if (agent.number > 1) sent.push(id);
    agent.started(id);
    if (id === 'dies' && agent.number === 1) agent.die();
    else agent.ended(id, agent.number === 1 ? failed : { kind: 'done' });
  };
  const devices: Script['devices'] = (number) => (number === 1 ? both : both.slice(0, 1));
  const points = [point('there'), point('gone', ['udmabuf@udmabuf']), point('dies')];
  await play(t, { onPoint, devices }, points, undefined, { reruns: 1 });
  t.strictSame(sent, ['there', 'dies']);
});

/** What the second point does by what ran before it in its session. */
const INVESTIGATIONS = [
  { when: () => true, found: 'fails alone' },
  {
    when: (before: readonly string[]) => before.includes('first'),
    found: 'fails only after first',
  },
  {
    when: (_before: readonly string[], session: number) => session === 1,
    found: 'does not fail again, neither alone nor after first',
  },
];
for (const { when, found } of INVESTIGATIONS) {
  t.test(`--investigate finds that a point ${found}`, async (t) => {
    const seen = new Map<ScriptedAgent, string[]>();
    const onPoint: Script['onPoint'] = ({ id }, agent) => {
      const before = seen.get(agent) ?? [];
      agent.started(id);
      agent.ended(id, id === 'bad' && when(before, agent.number) ? failed : { kind: 'done' });
      seen.set(agent, [...before, id]);
    };
    const points = ['first', 'bad', 'last'].map((id) => point(id));
    const played = await play(t, { onPoint }, points, undefined, { investigate: true });
    t.match(played.run.points[1], { id: 'bad', verdict: 'fail', investigation: found });
    t.equal(played.run.points.length, 3);
    t.match(played.run.end, { outcome: 'complete' });
  });
}

t.test('what ran before is what ran in the same lane', async (t) => {
  const lanes: Record<string, number> = { first: 0, other: 1, bad: 1 };
  let before = '';
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id, lanes[id]);
    agent.ended(id, id === 'bad' && before === 'other' ? failed : { kind: 'done' });
    before = id;
  };
  const points = [point('first'), point('other', ['udmabuf@udmabuf']), point('bad')];
  const devices = () => [scriptedDevice('vgem@vgem'), scriptedDevice('udmabuf@udmabuf')];
  const looks = { investigate: true };
  const journal = join(t.testdir({}), 'journal.jsonl');
  const { run } = await play(t, { onPoint, devices }, points, undefined, looks, journal);
  t.match(run.points[2], { investigation: 'fails only after other' });
  // As far as the end of its last point, it is the journal of a run that was cut short.
  const lines = readFileSync(journal, 'utf8').split('\n');
  const cut = lines.slice(0, lines.findIndex((line) => /"id":"bad".*"verdict"/.test(line)) + 1);
  writeFileSync(journal, `${cut.join('\n')}\n`);
  t.match(readEarlierRun(journal).failures, [{ record: { id: 'bad' }, before: 'other' }]);
});

t.test('a failure that takes the target along fails alone', async (t) => {
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    if (id === 'bad') agent.die();
    else agent.ended(id);
  };
  const points = ['first', 'bad', 'last'].map((id) => point(id));
  const played = await play(t, { onPoint }, points, undefined, { investigate: true });
  t.match(played.run.points[1], { verdict: 'crash', investigation: 'fails alone' });
  t.equal(played.end.broken, undefined);
});

t.test('the limit of the run stops it, and says why', async (t) => {
  using stop = new StopSignals();
  const onPoint: Script['onPoint'] = ({ id }, agent) => agent.started(id);
  const onCancel: Script['onCancel'] = (agent) => agent.ended('a');
  stop.endAfter(30, 'the time is up');
  // The limit's timer keeps nothing alive; in a real run the target does.
  const alive = setInterval(() => {}, 10);
  const played = await play(t, { onPoint, onCancel }, [point('a')], stop);
  clearInterval(alive);
  t.strictSame(played.verdicts, { a: 'pass' });
  t.match(played.run.end, { outcome: 'interrupted', reason: 'the time is up' });
});
