import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { projectRoot } from '../../uapi/project-root.ts';
import type { WireCase, WirePoint } from '../protocol.ts';
import { Lane } from './lane.ts';
import { Library } from './library.ts';
import { descendantsOf, isAlive } from './watch/processes.ts';

/** Nothing that a point started outlives it, whoever is killed: shown with processes that block. */

t.setTimeout(300_000);

const ROOT = projectRoot();

/** A device whose reads never return: a socket that nobody writes to. */
const PROVIDER = `
import { socketpair } from '${ROOT}/build/uapi/sys-socket.js';
import { tryClose } from '${ROOT}/build/uapi/sys.js';
const device = { address: 'blocks@blocks', node: '/dev/null', otherNodes: {}, identity: {} };
function open() {
  const [near, far] = socketpair();
  const close = () => { tryClose(near); tryClose(far); return { ok: true }; };
  return { ok: true, value: { fd: near, close } };
}
export const provider = {
  contract: 1, name: 'blocks', title: 'Blocks', driver: 'blocks', offers: [], headers: [],
  find: () => [device], probe: () => ({ ok: true, value: { missing: {}, identity: {} } }),
  open, adopt: (_device, fd) => ({ fd, close: () => ({ ok: true }) }),
};
`;

const READ = { readFd: { fd: '$shared', length: 1 } };
const INNER = { process: { pass: ['$shared'], steps: [READ] } };
/** The worker waits for a process that waits for another one. */
const STEPS = [
  { dup: { what: '$device' }, as: 'shared' },
  { process: { pass: ['$shared'], steps: [INNER] } },
];
/** Below the worker: twice a process that starts others, and one that it started. */
const PEERS = 4;

const TOPIC = {
  topic: 'Reads that block',
  cases: [
    {
      name: 'read',
      title: 'A read in a process of a process does not return',
      rules: ['HARNESS-004'],
      roles: { device: { provider: ['blocks'] } },
      timeout: '60s',
      steps: STEPS,
    },
  ],
};

function files(t: Test): string {
  const topic = JSON.stringify(TOPIC);
  return t.testdir({
    blocks: { 'index.js': PROVIDER, 'package.json': '{"type":"module"}' },
    cases: { block: { 'read.json': topic } },
  });
}

function laneFor(t: Test): Lane {
  const library = new Library();
  library.loadProviders([join(files(t), 'blocks')]);
  library.loadFor(['blocks@blocks']);
  const lane = new Lane(library, false, () => 0);
  t.teardown(() => lane.close());
  return lane;
}

const wireCase: WireCase = { id: 'c', steps: STEPS, roles: ['device'], expectLog: [] };

function blockingPoint(timeoutMs: number): WirePoint {
  const devices = { device: 'blocks@blocks' };
  const limits = { timeoutMs, inactivityMs: 0, exclusive: false };
  return { id: 'p', case: 'c', parameters: {}, devices, ...limits };
}

/** Waits until the process has so many that descend from it. */
async function descendants(pid: number, count: number): Promise<readonly number[]> {
  for (const end = Date.now() + 60_000; Date.now() < end; await delay(50)) {
    const found = descendantsOf(pid).filter(isAlive);
    if (found.length >= count) return found;
  }
  throw new Error(`${pid} has fewer than ${count} descendants`);
}

/** Which of them are there when they had time to go. */
async function survivors(pids: readonly number[]): Promise<readonly number[]> {
  for (let look = 0; look < 100 && pids.some(isAlive); look++) await delay(50);
  return pids.filter(isAlive);
}

t.test('a worker that hangs takes its peers with it', async (t) => {
  const lane = laneFor(t);
  await lane.ready(['blocks@blocks']);
  const running = lane.run(blockingPoint(8000), wireCase);
  const [worker = -1] = await descendants(process.pid, 1);
  const started = [worker, ...(await descendants(worker, PEERS))];
  const { end, stuck } = await running;
  t.strictSame(started.filter(isAlive), [], 'nobody is left when the point has its end');
  t.match(end, { kind: 'timeout', where: /(in the other process, \d+:\nthread [\s\S]*){2}/ });
  t.equal(stuck, false);
});

t.test('so does one that is killed', async (t) => {
  const lane = laneFor(t);
  await lane.ready(['blocks@blocks']);
  const running = lane.run(blockingPoint(60_000), wireCase);
  const [worker = -1] = await descendants(process.pid, 1);
  const started = [worker, ...(await descendants(worker, PEERS))];
  process.kill(worker, 'SIGKILL');
  t.match(await running, { end: { kind: 'died', how: 'SIGKILL', step: '2' } });
  t.strictSame(await survivors(started), []);
});

function startRun(t: Test): ChildProcess {
  const directory = files(t);
  const entry = join(ROOT, 'build/harness/cli/main.js');
  const run = ['run', '--target', 'local', '--all', '--output', join(directory, 'run')];
  const what = ['--provider', join(directory, 'blocks'), '--cases', join(directory, 'cases')];
  return spawn(process.execPath, [entry, ...run, ...what], { stdio: 'ignore' });
}

/** The agent and a worker. */
const HARNESS = 2;

/** The agent is the first that a run starts; everything else descends from it. */
const KILLS = [
  { who: 'Ctrl-C', signal: 'SIGINT', ofAgent: false },
  { who: 'a host that is killed', signal: 'SIGKILL', ofAgent: false },
  { who: 'an agent that is killed', signal: 'SIGKILL', ofAgent: true },
] as const;

for (const { who, signal, ofAgent } of KILLS) {
  t.test(`${who} leaves no process`, async (t) => {
    const run = startRun(t);
    const exit = once(run, 'exit');
    const started = await descendants(run.pid ?? -1, HARNESS + PEERS);
    process.kill((ofAgent ? started[0] : run.pid) ?? -1, signal);
    t.strictSame(ofAgent ? await survivors(started) : [], []);
    // The run goes on without its agent, with another one.
    if (ofAgent) run.kill('SIGINT');
    await exit;
    t.strictSame(await survivors(started), []);
  });
}
