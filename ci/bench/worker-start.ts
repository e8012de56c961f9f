import { spawnSync } from 'node:child_process';
import { WorkerProcess } from '../../harness/agent/worker-process.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import type { Measured } from './harness.ts';

const ROUNDS = 7;
const EMPTY_CASE = { id: 'bench/empty', steps: [], roles: [], expectLog: [] };

/** From the decision to have a worker to its first answer, best of several. */
async function workerStartMs(): Promise<number> {
  const start = performance.now();
  const worker = new WorkerProcess([]);
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
  const [workers, bare]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(bareStartMs());
    workers.push(await workerStartMs());
  }
  const [worker, least] = [Math.min(...workers), Math.min(...bare)];
  return {
    what: 'start of a worker, beside that of node with koffi alone',
    value: `${worker.toFixed(0)} ms, ${(worker / least).toFixed(2)} times as long`,
    target: '<= 100 ms',
  };
}
