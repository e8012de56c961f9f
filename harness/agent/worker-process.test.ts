import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { projectRoot } from '../../uapi/project-root.ts';
import { signalMainThread } from '../../uapi/sys-child.ts';
import type { WireCase, WirePoint } from '../protocol.ts';
import { Lane } from './lane.ts';
import { Library } from './library.ts';
import { WorkerProcess } from './worker-process.ts';

/** Workers are forks of the agent; what they have of it, and what they must not have. */

const NULL = 'null@null';
const library = new Library();
// A role needs a device: this one is /dev/null, which any system has.
library.loadProviders([join(projectRoot(), 'build/ci/bench/providers/null')]);
library.loadFor([NULL]);

const BACKGROUND = { process: { background: true, steps: [{ sleep: '400ms' }] }, as: 'other' };
const STEPS = [BACKGROUND, { join: { process: '$other' } }];
const wireCase: WireCase = { id: 'c', steps: STEPS, roles: ['device'], expectLog: [] };
const point: WirePoint = {
  ...{ id: 'p', case: 'c', parameters: {}, devices: { device: NULL } },
  ...{ timeoutMs: 20_000, inactivityMs: 0, exclusive: false },
};

async function worker(t: Test): Promise<WorkerProcess> {
  await library.settled();
  const started = await WorkerProcess.start(library);
  t.teardown(() => started.end(1000));
  return started;
}

t.test('a worker has no file of the agent', async (t) => {
  openSync('/proc/version', 'r');
  const { pid } = await worker(t);
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  t.notOk(links.includes('/proc/version'), 'nothing that it opened');
  t.notOk(links.includes('anon_inode:[eventpoll]'), 'nor its event queue');
  t.equal(links.filter((link) => link.startsWith('socket:')).length, 3, 'channel and output');
});

t.test('a worker that is ended twice closes its files once', async (t) => {
  const ended = await worker(t);
  t.equal(await ended.end(1000), true);
  const opened = Array.from({ length: 8 }, () => openSync('/proc/version', 'r'));
  t.equal(await ended.end(1000), true);
  for (const fd of opened) t.doesNotThrow(() => closeSync(fd));
});

t.test('signals that a worker handles do not reach the agent', async (t) => {
  const lane = new Lane(library, false, () => 0);
  t.teardown(() => lane.close());
  const { pid } = await lane.worker();
  const running = lane.run(point, wireCase);
  // The worker handles the signal from when it starts a process in the background.
  await delay(200);
  for (let times = 0; times < 20; times++) signalMainThread(pid, constants.signals.SIGUSR2);
  t.match(await running, { end: { kind: 'done' } });
});

t.test('a worker that died while it was idle is replaced', async (t) => {
  const lane = new Lane(library, false, () => 0);
  t.teardown(() => lane.close());
  const first = await lane.worker();
  t.equal(await lane.worker(), first);
  process.kill(first.pid, 'SIGKILL');
  while (first.isAlive) await delay(5);
  t.match(await lane.run(point, wireCase), { end: { kind: 'done' } });
  await t.rejects(first.request({ t: 'point', point }), { message: 'SIGKILL' });
});

t.test('so is one that lacks what was loaded later', async (t) => {
  const lane = new Lane(library, false, () => 0);
  t.teardown(() => lane.close());
  const first = await lane.worker();
  library.loadFor([NULL]);
  const next = await lane.worker();
  t.not(next, first);
  t.equal(next.edition, library.edition);
  t.notOk(first.isAlive);
});
