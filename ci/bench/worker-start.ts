import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { FORKABLE_NODE } from '../../uapi/forkable-node.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import type { Measured } from './harness.ts';

const ROUNDS = 7;
const CHILD = join(projectRoot(), 'build/ci/bench/worker-start-child.js');

/** A process that can be forked, as the agent is one: its first worker, and one after a loss. */
function workerStartMs(): { readonly first: number; readonly next: number } {
  const { stdout } = spawnSync(process.execPath, [...FORKABLE_NODE, CHILD], { encoding: 'utf8' });
  return JSON.parse(stdout);
}

/** The least that a worker would take that is a node of its own: node, and koffi. */
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
    const { first, next } = workerStartMs();
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
