import { execFileSync } from 'node:child_process';
import { release } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../../uapi/project-root.ts';
import {
  forgetFunctions,
  type Watched,
  watchedFunctions,
  watchFunctions,
} from '../executed-functions.ts';
import { type OwnTimes, runOwnSuite } from '../own-suite.ts';
import { calledMethods, forgetCalls, watchCalls, writtenCommands } from './called-methods.ts';
import { type Coverage, type Latency, type Measurement, MODULES } from './measurement.ts';
import { perftestUs } from './perftest.ts';
import { runPyverbs, unpackPyverbsTests } from './pyverbs.ts';

/**
 * The measuring half: runs in the lab's guest, in the agent's place. Lines that begin with `#` are
 * for people, the last line is the measurement. Each suite runs twice: alone for its time, and under
 * the tracer for what it executes.
 */

/** A device with itself on the far side, and its address. Source: providers/rdma/lab-links.sh */
const DEVICE = 'rxe0';
const ADDRESS = '198.18.255.1';
const ROUNDS = 5;
/** Of the suite: the devices that pyverbs' tests run on too. */
const SELECTION = ['--provider', 'rdma', '--device', 'rdma@rxe*'];

const inModules: Watched = (_name, module) => MODULES.find((known) => known === module);

const say = (text: string): void => console.log(`# ${text}`);

async function traced<T>(run: () => T | Promise<T>): Promise<{ coverage: Coverage; value: T }> {
  watchFunctions(inModules);
  watchCalls();
  const value = await run();
  const functions = watchedFunctions(inModules);
  const coverage = { functions, methods: calledMethods(), written: writtenCommands() };
  forgetCalls();
  forgetFunctions();
  return { coverage, value };
}

/** In turns, so that a busy machine disturbs all alike; the best of each counts. */
async function latencies(): Promise<{ perftest: Latency; ours: Latency; logged: Latency }> {
  const perftest: Latency[] = [];
  const ours: Latency[] = [];
  const logged: Latency[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    perftest.push({
      writeUs: await perftestUs('ib_write_lat', DEVICE, ADDRESS),
      readUs: await perftestUs('ib_read_lat', DEVICE, ADDRESS),
    });
    ours.push(ownLatency(DEVICE));
    logged.push(ownLatency(DEVICE, 'logged'));
    for (const list of [perftest, ours, logged]) say(JSON.stringify(list.at(-1)));
  }
  return { perftest: best(perftest), ours: best(ours), logged: best(logged) };
}

function ownLatency(...args: readonly string[]): Latency {
  const script = join(projectRoot(), 'build/ci/bench/rdma/latency-child.js');
  const output = execFileSync(process.execPath, [script, ...args], { encoding: 'utf8' });
  return JSON.parse(output) as Latency;
}

function best(list: readonly Latency[]): Latency {
  return {
    writeUs: Math.min(...list.map(({ writeUs }) => writeUs)),
    readUs: Math.min(...list.map(({ readUs }) => readUs)),
  };
}

function sayTroubles({ times, troubles }: OwnTimes): void {
  say(`ours: ${JSON.stringify(times)}`);
  for (const trouble of troubles) say(`  ${trouble}`);
}

/** Nobody reads the guest's standard error. */
process.on('uncaughtException', (error) => {
  say(String(error.stack));
  process.exit(1);
});

const latency = await latencies();
const own = await runOwnSuite(SELECTION);
sayTroubles(own);
const ownTraced = await traced(() => runOwnSuite(SELECTION));
sayTroubles(ownTraced.value);
const tests = unpackPyverbsTests();
const pyverbs = runPyverbs(tests, DEVICE);
say(`pyverbs: ${JSON.stringify(pyverbs)}`);
const pyverbsTraced = await traced(() => runPyverbs(tests, DEVICE));

const measurement: Measurement = {
  kernel: release(),
  pyverbs: { times: pyverbs, coverage: pyverbsTraced.coverage },
  ours: { times: own.times, coverage: ownTraced.coverage },
  ourCases: own.cases,
  perftest: latency.perftest,
  ourLatency: latency.ours,
  ourLoggedLatency: latency.logged,
};
console.log(JSON.stringify(measurement));
