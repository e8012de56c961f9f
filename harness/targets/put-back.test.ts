import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { projectRoot } from '../../uapi/project-root.ts';
import { descendantsOf, processName } from '../agent/watch/processes.ts';
import type { WireCase, WirePoint } from '../protocol.ts';
import type { AgentSession } from '../run/agent-session.ts';
import { discover, greet, probe } from '../run/connect.ts';
import { createLocalTarget } from './local.ts';

/** What a point took away is put back, also when the run is stopped in its midst. */

const DEVICE = 'gone@gone';

/** Removing its device empties a file; putting that back takes longer than ending an agent does. */
function provider(state: string): string {
  return `
import { readFileSync, writeFileSync } from 'node:fs';
import { sleepMs } from '${projectRoot()}/build/uapi/sys-child.js';
const STATE = '${state}';
const device = { address: '${DEVICE}', node: '/dev/null', otherNodes: {}, identity: {} };
export const provider = {
  contract: 1, name: 'gone', title: 'Gone', driver: 'gone', offers: [], headers: [],
  find: () => [device], probe: () => ({ ok: true, value: { missing: {}, identity: {} } }),
  open: () => { writeFileSync(STATE, 'gone'); sleepMs(60_000); },
  adopt: () => {},
  plug: {
    remember: () => ({ device, state: { was: readFileSync(STATE, 'utf8') } }),
    putBack: ({ state }) => { sleepMs(3000); writeFileSync(STATE, state.was); },
  },
};
`;
}

const wireCase: WireCase = {
  ...{ id: 'c', steps: [{ openFds: {} }], roles: ['device'], expectLog: [], disturbs: true },
};
const point: WirePoint = {
  ...{ id: 'p', case: 'c', parameters: {}, devices: { device: DEVICE } },
  ...{ timeoutMs: 60_000, inactivityMs: 0, exclusive: true },
};

interface Midst {
  readonly session: AgentSession;
  /** Whether the device is there. */
  readonly state: () => string;
}

/** A session with an agent of this machine in the midst of the point. */
async function inTheMidst(t: Test): Promise<Midst> {
  const folder = t.testdir({ gone: { 'package.json': '{"type":"module"}' }, state: 'there' });
  const path = join(folder, 'state');
  const state = () => readFileSync(path, 'utf8');
  writeFileSync(join(folder, 'gone', 'index.js'), provider(path));
  const { signal } = new AbortController();
  const target = createLocalTarget();
  const options = { providers: () => [join(folder, 'gone')], jobs: 1, isolate: false };
  const { session } = await greet(target, options, () => {}, signal);
  await discover(session, target, () => {}, signal);
  await probe(session, target, [DEVICE], () => {}, signal);
  session.send({ t: 'case', case: wireCase });
  session.send({ t: 'point', point });
  while (state() !== 'gone') await delay(20);
  return { session, state };
}

t.test('an agent that is to end puts back first', async (t) => {
  const { session, state } = await inTheMidst(t);
  await session.close();
  t.equal(state(), 'there');
});

t.test('so does one whose point was killed a moment before', async (t) => {
  const { session, state } = await inTheMidst(t);
  const [worker = -1] = descendantsOf(process.pid).filter((pid) =>
    /^worker /.test(processName(pid) ?? ''),
  );
  process.kill(worker, 'SIGKILL');
  await delay(500);
  t.equal(state(), 'gone');
  await session.close();
  t.equal(state(), 'there');
});

t.test('so does one whose host dies of an error', async (t) => {
  const folder = t.testdir({
    'agent.mjs': `
import { writeFileSync } from 'node:fs';
process.stdin.resume().on('end', () => setTimeout(() => writeFileSync('state', 'there'), 500));
process.stdout.write('up');
`,
    'host.mjs': `
import { startChildAgent } from '${projectRoot()}/build/harness/targets/child-agent.js';
const args = ['agent.mjs'];
const explain = ({ how }) => ({ kind: 'exited', message: how, console: '' });
const agent = startChildAgent({ program: process.execPath, args, explain, patienceMs: 60_000 });
agent.output.once('data', () => { throw new Error('nobody caught this'); });
`,
    state: 'gone',
  });
  const { status } = spawnSync(process.execPath, ['host.mjs'], { cwd: folder, encoding: 'utf8' });
  t.equal(status, 1);
  const state = () => readFileSync(join(folder, 'state'), 'utf8');
  for (let looks = 0; looks < 200 && state() !== 'there'; looks++) await delay(50);
  t.equal(state(), 'there');
});
