import { execFileSync, spawn } from 'node:child_process';
import { release } from 'node:os';
import { join } from 'node:path';
import { FORKABLE_NODE } from '../../../uapi/forkable-node.ts';
import { projectRoot } from '../../../uapi/project-root.ts';
import { say, sayRun, sayUncaught } from '../guest-lines.ts';
import { runOwnSuite } from '../own-suite.ts';
import { SELECTION, traced } from './guest-half.ts';
import type { Latency, PeerLatency, Times } from './measurement.ts';
import { completedWriteUs, perftestUs } from './perftest.ts';
import { runPyverbs, unpackPyverbsTests } from './pyverbs.ts';

/**
 * In the lab's guest, in the agent's place: how long the work requests and the suites take, each alone;
 * and last, under the tracer, what pyverbs executes.
 */

/** A device with itself on the far side, and its address. Source: providers/rdma/lab-links.sh */
const DEVICE = 'rxe0';
const ADDRESS = '198.18.255.1';
const ROUNDS = 5;

/** In turns, so that a busy machine disturbs all alike; the best of each counts. */
async function latencies(): Promise<{ perftest: PeerLatency; ours: Latency; logged: Latency }> {
  const perftest: PeerLatency[] = [];
  const ours: Latency[] = [];
  const logged: Latency[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    perftest.push({
      writeUs: await perftestUs('ib_write_lat', DEVICE, ADDRESS),
      readUs: await perftestUs('ib_read_lat', DEVICE, ADDRESS),
      completedWriteUs: await completedWriteUs(DEVICE, ADDRESS),
    });
    ours.push(ownLatency(DEVICE));
    logged.push(ownLatency(DEVICE, 'logged'));
    for (const list of [perftest, ours, logged]) say(JSON.stringify(list.at(-1)));
  }
  const completedWrite = Math.min(...perftest.map((one) => one.completedWriteUs));
  return {
    perftest: { ...best(perftest), completedWriteUs: completedWrite },
    ours: best(ours),
    logged: best(logged),
  };
}

/**
 * While no processor of the guest sleeps. Waking an emulated one takes as long as a whole work request,
 * and who pays for it differs: the programs of perftest have a process at each end, ours is one.
 */
async function awake<T>(work: () => Promise<T>): Promise<T> {
  const idle = ['--idle', '0', 'sh', '-c', 'while :; do :; done'];
  const loop = spawn('chrt', idle, { stdio: 'ignore' });
  try {
    return await work();
  } finally {
    loop.kill();
  }
}

/** By a node that runs as a worker's does. */
function ownLatency(...args: readonly string[]): Latency {
  const script = join(projectRoot(), 'build/ci/bench/rdma/latency-child.js');
  const words = [...FORKABLE_NODE, script, ...args];
  const output = execFileSync(process.execPath, words, { encoding: 'utf8' });
  return JSON.parse(output) as Latency;
}

function best(list: readonly Latency[]): Latency {
  return {
    writeUs: Math.min(...list.map(({ writeUs }) => writeUs)),
    readUs: Math.min(...list.map(({ readUs }) => readUs)),
  };
}

sayUncaught();
const latency = await awake(latencies);
const own = await runOwnSuite(SELECTION);
sayRun('ours', own);
const tests = unpackPyverbsTests();
const pyverbs = runPyverbs(tests, DEVICE);
say(`pyverbs: ${JSON.stringify(pyverbs)}`);
const { coverage } = await traced(() => runPyverbs(tests, DEVICE));

const times: Times = {
  kernel: release(),
  pyverbs: { times: pyverbs, coverage },
  ourTimes: own.times,
  ourCases: own.cases,
  perftest: latency.perftest,
  ourLatency: latency.ours,
  ourLoggedLatency: latency.logged,
};
console.log(JSON.stringify(times));
