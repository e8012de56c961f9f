import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { WorkerSupply } from '../../harness/agent/worker-supply.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import type { Measured } from './harness.ts';

const ROUNDS = 7;
const EMPTY_CASE = { id: 'bench/empty', steps: [], roles: [], expectLog: [] };

/** A lane's point lasts longer than this more often than not. */
const BETWEEN_LOSSES_MS = 500;

/** From the decision to have a worker to its first answer: the first of all, and one after a loss. */
async function workerStartMs(): Promise<{ readonly first: number; readonly next: number }> {
  const workers = new WorkerSupply([]);
  const first = await takenMs(workers);
  await delay(BETWEEN_LOSSES_MS);
  const next = await takenMs(workers);
  await workers.close();
  return { first, next };
}

async function takenMs(workers: WorkerSupply): Promise<number> {
  const start = performance.now();
  const worker = workers.take();
  await worker.request({ t: 'case', case: EMPTY_CASE });
  const tookMs = performance.now() - start;
  await worker.end(1000);
  return tookMs;
}

/** The least that any worker takes: node, and the C library through koffi. */
function bareStartMs(): number {
  const start = performance.now();
  spawnSync(process.execPath, ['-e', "require('koffi').load(null)"], { cwd: projectRoot() });
  return performance.now() - start;
}

/** Both in turn, so that what else the machine does slows both. */
export async function measureWorkerStart(): Promise<Measured> {
  const [firsts, nexts, bare]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(bareStartMs());
    const { first, next } = await workerStartMs();
    firsts.push(first);
    nexts.push(next);
  }
  const [first, next, least] = [firsts, nexts, bare].map((times) => Math.min(...times));
  return {
    what: 'a worker: the first of all, one after a loss; beside node with koffi alone',
    value: [first, next, least].map((ms) => `${ms?.toFixed(0)} ms`).join(', '),
    target: '<= 100 ms',
  };
}
