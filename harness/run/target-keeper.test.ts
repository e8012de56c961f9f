import { join } from 'node:path';
import t from 'tap';
import { playOn, point } from './play.ts';
import { scriptedTarget } from './scripted-agent.ts';

t.test('a provider that fails after a reboot ends the run and costs no verdict', async (t) => {
  const target = scriptedTarget({
    onPoint: ({ id }, agent) => {
      agent.started(id);
      if (id === 'kills') agent.die();
      else agent.ended(id);
    },
  });
  const agentsOf = target.connect.bind(target);
  const connect: typeof target.connect = async (...words) => {
    const connection = await agentsOf(...words);
    const agent = target.agents[1];
    // What the agent says of an exception of a provider: the device went away after it was found.
    if (agent) {
      agent.send = (message) => {
        const gone = { t: 'fatal', kind: 'usage', message: 'probe: vgem@vgem is gone' } as const;
        agent.raw(`${JSON.stringify(message.t === 'probed' ? gone : message)}\n`);
      };
    }
    return connection;
  };
  const points = ['good', 'kills', 'left'].map((id) => point(id));
  const path = join(t.testdir({}), 'journal.jsonl');
  const { run, verdicts } = await playOn(t, { ...target, connect }, points, undefined, {}, path);
  t.strictSame(verdicts, { good: 'pass', kills: 'crash', left: 'skip' });
  t.ok(run.notes.includes('probe: vgem@vgem is gone'), 'the note says why it did not come back');
  t.match(run.points.at(-1)?.reason, /it did not come back/);
});
