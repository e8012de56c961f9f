import t from 'tap';
import { AgentSession } from './agent-session.ts';
import { greet } from './connect.ts';
import { LineSplitter } from './line-splitter.ts';
import { play, point } from './play.ts';
import type { RunPoint } from './run-point.ts';
import { type Script, scriptedDevice, scriptedTarget } from './scripted-agent.ts';
import { StopSignals } from './stop-signals.ts';

t.test('all points run, each case is sent once, and the journal is whole', async (t) => {
  const ids = Array.from({ length: 200 }, (_, index) => `p${index}`);
  const played = await play(
    t,
    {},
    ids.map((id) => point(id)),
  );
  t.equal(played.run.points.length, 200);
  t.match(played.run.end, { outcome: 'complete' });
  t.strictSame(played.end, { verdicts: ids.map(() => 'pass'), interrupted: false });
  const cases = played.agents[0]?.received.filter(({ t }) => t === 'case');
  t.equal(cases?.length, 1);
});

t.test('points are sent ahead, but no more than the window', async (t) => {
  let most = 0;
  const waiting: string[] = [];
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    waiting.push(id);
    most = Math.max(most, waiting.length);
    setImmediate(() => {
      const next = waiting.shift();
      if (next) agent.pass(next);
    });
  };
  await play(
    t,
    { onPoint },
    Array.from({ length: 3000 }, (_, index) => point(`p${index}`)),
  );
  t.equal(most, 1024);
});

t.test('a planned skip is recorded and not sent', async (t) => {
  const skipped: RunPoint = {
    ...point('skipped'),
    todo: { skip: { class: 'no-feature', reason: 'it has none' } },
  };
  const played = await play(t, {}, [skipped]);
  t.match(played.run.points, [{ verdict: 'skip', skip: 'no-feature', reason: 'it has none' }]);
});

t.test(
  'a target that is lost while one point runs makes it a crash, and the rest goes on',
  async (t) => {
    const onPoint: Script['onPoint'] = ({ id }, agent) => {
      agent.started(id);
      if (id === 'bad') agent.die();
      else agent.ended(id);
    };
    const played = await play(
      t,
      { onPoint },
      ['a', 'bad', 'b', 'c'].map((id) => point(id)),
    );
    t.strictSame(played.verdicts, { a: 'pass', bad: 'crash', b: 'pass', c: 'pass' });
    t.equal(played.agents.length, 2);
    t.equal(played.run.targets.length, 2, 'the journal says that the target came back');
    const bad = played.run.points.find(({ id }) => id === 'bad');
    t.match(bad, { reason: 'scripted was lost: Kernel panic', console: 'Oops' });
    t.equal(played.end.broken, undefined);
  },
);

t.test('of several points that ran only the guilty one is blamed', async (t) => {
  let running: string[] = [];
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    running.push(id);
    const isAlone = agent.number > 1 && running.length === 1;
    if (id === 'bad' && (isAlone || agent.number === 1)) {
      running = [];
      agent.die();
    } else if (agent.number > 1) {
      t.ok(isAlone || id === 'later', `${id} runs alone`);
      running = [];
      agent.ended(id);
    }
  };
  const ids = ['innocent', 'bad', 'later'];
  const played = await play(
    t,
    { onPoint },
    ids.map((id) => point(id)),
  );
  t.strictSame(played.verdicts, { innocent: 'pass', bad: 'crash', later: 'pass' });
  t.match(played.run.notes, [/side by side: innocent, bad/]);
  t.equal(played.end.broken, undefined, 'the loss is explained');
});

t.test('a loss that nobody repeats does not end as a good run', async (t) => {
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    if (agent.number > 1) agent.ended(id);
    else if (id === 'b') agent.die();
  };
  const played = await play(
    t,
    { onPoint },
    ['a', 'b'].map((id) => point(id)),
  );
  t.strictSame(played.verdicts, { a: 'pass', b: 'pass' });
  t.match(played.end.broken, /lost once and no point is to blame/);
  t.match(played.run.end, { outcome: 'failed' });
});

t.test('when the target cannot return the rest depends on the culprit', async (t) => {
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    agent.die();
  };
  const script: Script = { onPoint, canReturn: false };
  const played = await play(
    t,
    script,
    ['bad', 'x', 'y'].map((id) => point(id)),
  );
  t.strictSame(played.verdicts, { bad: 'crash', x: 'skip', y: 'skip' });
  t.match(played.run.points[1], { skip: 'depends-on-failed', reason: /lost in bad/ });
});

t.test('a target that is lost again and again is given up', async (t) => {
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    agent.die();
  };
  const ids = Array.from({ length: 14 }, (_, index) => `p${index}`);
  const played = await play(
    t,
    { onPoint },
    ids.map((id) => point(id)),
  );
  const crashes = played.run.points.filter(({ verdict }) => verdict === 'crash');
  t.equal(crashes.length, 10);
  t.equal(played.run.points.length, 14);
});

t.test('a point that no target survives being sent is blamed at last', async (t) => {
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    if (id === 'poison') agent.die();
    else agent.pass(id);
  };
  const played = await play(
    t,
    { onPoint },
    ['poison', 'b'].map((id) => point(id)),
  );
  t.strictSame(played.verdicts, { poison: 'crash', b: 'pass' });
  t.equal(played.agents.length, 4);
});

t.test('points whose device did not come back are skipped', async (t) => {
  const both = [scriptedDevice('vgem@vgem'), scriptedDevice('udmabuf@udmabuf')];
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    if (id === 'bad') agent.die();
    else agent.ended(id);
  };
  const script: Script = { onPoint, devices: (number) => (number === 1 ? both : both.slice(0, 1)) };
  const points = [point('bad'), point('gone', ['vgem@vgem', 'udmabuf@udmabuf']), point('still')];
  const played = await play(t, script, points);
  t.strictSame(played.verdicts, { bad: 'crash', gone: 'skip', still: 'pass' });
});

t.test('an agent that falls silent makes its point a hang', async (t) => {
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    if (id !== 'silent') agent.ended(id);
  };
  const script: Script = { onPoint, timeoutScale: 0.001 };
  const played = await play(t, script, [point('silent'), point('next')]);
  t.strictSame(played.verdicts, { silent: 'hang', next: 'pass' });
});

t.test('a stop cancels what waits, lets the running point end and keeps its verdict', async (t) => {
  const stop = new StopSignals();
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    if (id !== 'a') return;
    agent.started(id);
    setTimeout(() => stop.press(5000), 10);
  };
  const onCancel: Script['onCancel'] = (agent) => {
    agent.ended('b', { kind: 'cancelled' });
    agent.ended('a');
  };
  const played = await play(
    t,
    { onPoint, onCancel },
    ['a', 'b'].map((id) => point(id)),
    stop,
  );
  t.strictSame(played.verdicts, { a: 'pass' });
  t.match(played.end, { interrupted: true });
  t.match(played.run.end, { outcome: 'interrupted' });
});

t.test('a second press does not wait, and leaves the running point named', async (t) => {
  const stop = new StopSignals();
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.started(id);
    setTimeout(() => stop.press(5000), 10);
  };
  const onCancel: Script['onCancel'] = () => {
    stop.press(5100);
    t.notOk(stop.kill.aborted, 'a repeat within a second is the same press');
    stop.press(6100);
  };
  const played = await play(t, { onPoint, onCancel }, [point('a')], stop);
  t.strictSame(played.run.interrupted, ['a']);
  t.match(played.run.end, { outcome: 'interrupted' });
});

t.test('lines that are no messages are noted and do not stop the run', async (t) => {
  const onPoint: Script['onPoint'] = ({ id }, agent) => {
    agent.raw('printf debugging\n{"t":"unheard-of"}\n');
    agent.pass(id);
  };
  const played = await play(t, { onPoint, greeting: 'Welcome to board\n' }, [point('a')]);
  t.strictSame(played.verdicts, { a: 'pass' });
  t.match(played.run.notes, [/printf debugging/, /unheard-of/]);
});

t.test('what only shows over the whole run is asked for once and noted', async (t) => {
  const lastNotes = ['slab caches that grew over the run'];
  const played = await play(t, { lastNotes }, [point('a'), point('b')]);
  t.strictSame(played.run.notes, lastNotes);
  const asked = played.agents[0]?.received.map((message) => message.t).slice(-3);
  t.strictSame(asked, ['point', 'rest', 'bye']);
});

t.test('an agent of another version is told apart by name', async (t) => {
  const played = await play(t, { protocol: 99 }, [point('a')]);
  t.match(played.end.broken, /speaks protocol 99, this uapi-conform speaks protocol \d+\. /);
  t.match(played.run.end, { outcome: 'failed' });
});

t.test('an agent that gives up ends the run with its reason', async (t) => {
  const onPoint: Script['onPoint'] = (_point, agent) =>
    agent.send({ t: 'fatal', kind: 'infra', message: 'no memory' });
  const played = await play(t, { onPoint }, [point('a')]);
  t.equal(played.end.broken, 'scripted: no memory');
});

t.test('a stop while the target boots ends the wait', async (t) => {
  const stop = new StopSignals();
  const target = { ...scriptedTarget({}), connect: () => new Promise<never>(() => {}) };
  const options = { providers: () => [], jobs: 0, isolate: false };
  setTimeout(() => stop.press(5000), 5);
  await t.rejects(
    greet(target, options, () => {}, stop.stop),
    { name: 'Stopped' },
  );
});

t.test('a session gives what came before a loss first', async (t) => {
  const target = scriptedTarget({});
  const session = new AgentSession(await target.connect(() => {}));
  const [agent] = target.agents;
  agent?.started('a');
  agent?.die();
  const kinds = [await session.next({ timeoutMs: 500 }), await session.next({ timeoutMs: 500 })];
  t.match(kinds, [{ kind: 'message' }, { kind: 'lost', loss: { kind: 'panic' } }]);
});

t.test('lines are put together from pieces, also inside a character', (t) => {
  const splitter = new LineSplitter(100);
  const bytes = Buffer.from('één\ntwee\ndr');
  const lines = [...bytes].flatMap((byte) => splitter.push(Buffer.from([byte])));
  t.strictSame(lines, ['één', 'twee']);
  t.strictSame(splitter.push(Buffer.from('ie\n\nvier\n')), ['drie', '', 'vier']);
  t.throws(() => splitter.push(Buffer.alloc(101, 'x')), RangeError);
  t.end();
});
