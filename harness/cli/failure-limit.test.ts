import { join } from 'node:path';
import t from 'tap';
import { notRun } from '../../reports/groups.ts';
import { readRun } from '../../reports/journal.ts';
import { JOURNAL_VERSION } from '../../reports/results.ts';
import { Journal } from '../journal.ts';
import { executeRun } from '../run/run.ts';
import type { RunPoint } from '../run/run-point.ts';
import { scriptedTarget } from '../run/scripted-agent.ts';
import { StopSignals } from '../run/stop-signals.ts';
import { FailureLimit } from './failure-limit.ts';

const FAILURE = { step: '1', action: '{}', expected: '1', actual: '2' };

function point(id: string): RunPoint {
  const devices = { device: 'vgem@vgem' };
  const wire = { id, case: 'c', parameters: {}, devices, timeoutMs: 1000, inactivityMs: 0 };
  return {
    id,
    text: { title: id, area: 'a', rules: [], devices, provider: 'vgem', reproduce: 'x' },
    todo: {
      wire: { ...wire, exclusive: false },
      wireCase: { id: 'c', steps: [], roles: ['device'], expectLog: [] },
    },
  };
}

const quiet = {
  say: () => {},
  target: () => {},
  planned: () => {},
  started: () => {},
  point: () => {},
  amended: () => {},
  note: () => {},
};

for (const [limit, reason] of [
  [1, 'stopped after the first surprise (--fail-fast)'],
  [3, 'stopped after 3 surprises (--max-failures 3)'],
] as const) {
  t.test(`after ${limit} surprises nothing more is sent, and the journal says so`, async (t) => {
    const target = scriptedTarget({
      onPoint: ({ id }, agent) => {
        const number = Number(id.slice(1));
        // Passes do not count; what comes behind the limit waits for ever.
        if (number > limit) return;
        agent.started(id);
        agent.ended(id, number === 0 ? { kind: 'done' } : { kind: 'failed', failure: FAILURE });
      },
    });
    const stop = new StopSignals();
    const path = join(t.testdir({}), 'journal.jsonl');
    using journal = new Journal(path, { syncStarted: false });
    const points = Array.from({ length: 200 }, (_, at) => point(`p${at}`));
    const end = await executeRun(
      {
        target,
        agent: { providers: () => [], jobs: 1, isolate: false },
        header: {
          type: 'run',
          version: JOURNAL_VERSION,
          startedAt: new Date().toISOString(),
          suite: { version: '0', commit: '0' },
          commandLine: [],
          target: 'scripted',
        },
        policy: { keepGoing: false, reruns: 0, investigate: false },
        select: (found) => found.map(({ address }) => address),
        plan: () => ({ points, notes: [] }),
      },
      journal,
      new FailureLimit(quiet, limit, stop),
      stop,
    );
    const run = readRun(path);
    t.equal(end.interrupted, true);
    t.match(run.end, { outcome: 'interrupted', reason });
    t.equal(run.points.length, limit + 1);
    t.equal(notRun(run).length, 199 - limit);
    t.strictSame(run.interrupted, []);
    t.ok(target.agents[0]?.received.some((message) => message.t === 'cancel'));
  });
}
