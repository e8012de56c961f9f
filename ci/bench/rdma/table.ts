import { uverbsCommands } from '../../../uapi/headers/rdma/uverbs-commands.ts';
import {
  executedIn,
  executedOf,
  markdownTable,
  missedFunctions,
  type Row,
  times,
  verdict,
} from '../comparison.ts';
import type { SuiteTimes } from '../own-suite.ts';
import { excusedIn } from '../unreachable.ts';
import { handlersOf, succeededMethods, succeededWrites } from './handlers.ts';
import {
  type Coverage,
  DRIVERS,
  type EveryDevice,
  type Measurement,
  MODULES,
  type ModuleName,
  type OwnCoverage,
} from './measurement.ts';

/** The comparison as Markdown, for the terminal and for README.md alike. */
export function comparison(measurement: Measurement): string {
  return [
    `Kernel ${measurement.kernel}, rxe, one VM for all; what our suite executes is seen in its second boot.`,
    '',
    table(measurement),
    '',
    ...missedFunctions('rdma', measurement.ourCoverage.functions),
  ].join('\n');
}

/** What our suite executes, without a peer. */
export function ownCoverage({ ourCoverage }: OwnCoverage): string {
  const rows = MODULES.map((module) => moduleRow(module, ourCoverage, ourCoverage, 0));
  const lines = rows.map(({ what, ours }) => `${what}: ${ours}`);
  return [...lines, '', ...missedFunctions('rdma', ourCoverage.functions)].join('\n');
}

/** What our suite executes of the core and of the drivers on all devices, also in Markdown. */
export function everyDevice({ kernel, times: { executed }, coverage }: EveryDevice): string {
  const modules = [...MODULES, ...DRIVERS].flatMap((module) => {
    const all = coverage.functions.filter((item) => item.module === module);
    return all.length === 0 ? [] : [listRow(`functions of ${module}`, shareOf(all), all)];
  });
  const handlers = handlersOf(coverage.functions);
  const head = ['| what | run | not run |', '| --- | --- | --- |'];
  return [
    `Kernel ${kernel}, ${executed} points executed.`,
    ...['', ...head],
    listRow('handlers of methods and commands', executedOf(handlers), handlers),
    ...modules,
    ...['', `Object methods done by ioctl: ${succeededMethods(coverage).length}.`],
    `Commands done by plain write(2): ${writesOf(coverage)}.`,
  ].join('\n');
}

function listRow(
  what: string,
  share: string,
  items: readonly { readonly name: string; readonly isExecuted: boolean }[],
): string {
  const missed = items.filter(({ isExecuted }) => !isExecuted).map(({ name }) => name);
  return `| ${what} | ${share} | ${missed.sort().join(', ')} |`;
}

function writesOf(coverage: Coverage): string {
  return `${succeededWrites(coverage).length} of ${Object.keys(uverbsCommands).length}`;
}

/** How many of them are run, and that in percent. */
function shareOf(functions: Coverage['functions']): string {
  const percent = ((100 * executedIn(functions)) / functions.length).toFixed(0);
  return `${executedOf(functions)}, ${percent} %`;
}

function table(measurement: Measurement): string {
  const rows = [
    ...suiteRows(measurement),
    ...coverageRows(measurement.pyverbs.coverage, measurement.ourCoverage),
    ...latencyRows(measurement),
  ];
  return markdownTable(rows);
}

function suiteRows({ pyverbs, ourTimes: own, ourCases }: Measurement): readonly Row[] {
  const count = ({ executed, skipped }: SuiteTimes): string => `${executed} (${skipped} skipped)`;
  const peer = pyverbs.times;
  const perSecond = ({ executed, seconds }: SuiteTimes): number => executed / seconds;
  const overall = ({ executed, commandSeconds }: SuiteTimes): number => executed / commandSeconds;
  return [
    {
      what: 'tests executed',
      peer: `pyverbs: ${count(peer)}`,
      ours: `${count(own)}, of ${ourCases} cases`,
    },
    { what: 'of them passed', peer: String(peer.passed), ours: String(own.passed) },
    {
      what: 'executed tests per second, first to last',
      peer: perSecond(peer).toFixed(1),
      ours: `${perSecond(own).toFixed(1)} = ${times(perSecond(own), perSecond(peer))}`,
      target: verdict(perSecond(own) >= 10 * perSecond(peer), '>= 10 times'),
    },
    {
      what: 'the same over the whole command',
      peer: overall(peer).toFixed(1),
      ours: `${overall(own).toFixed(1)} = ${times(overall(own), overall(peer))}`,
    },
  ];
}

function coverageRows(peer: Coverage, ours: Coverage): readonly Row[] {
  const both = (what: string, cell: (coverage: Coverage) => string, target?: string): Row => ({
    what,
    peer: cell(peer),
    ours: cell(ours),
    ...(target !== undefined && { target }),
  });
  const handlers = (coverage: Coverage, kind?: string) =>
    handlersOf(coverage.functions).filter((handler) => kind === undefined || handler.kind === kind);
  const hit = (coverage: Coverage, kind?: string) => executedOf(handlers(coverage, kind));
  const own = handlers(ours);
  const excused = excusedIn('rdma');
  const isWhole = own.every(
    ({ isExecuted, functionName }) =>
      isExecuted || excused({ module: 'ib_uverbs', name: functionName }),
  );
  return [
    both('handlers of ioctl methods run', (coverage) => hit(coverage, 'method')),
    both('handlers of write commands run', (coverage) => hit(coverage, 'command')),
    both('both', (coverage) => hit(coverage), verdict(isWhole, 'every one reachable on rxe')),
    both('object methods done by ioctl', (coverage) => String(succeededMethods(coverage).length)),
    both('commands done by plain write(2)', writesOf),
    moduleRow('rdma_rxe', peer, ours, 0.85),
    moduleRow('ib_uverbs', peer, ours, 0.75),
    moduleRow('rdma_ucm', peer, ours, 0.5),
  ];
}

function moduleRow(module: ModuleName, peer: Coverage, ours: Coverage, least: number): Row {
  const of = (coverage: Coverage) => coverage.functions.filter((item) => item.module === module);
  const own = of(ours);
  const run = executedIn(own);
  const excused = excusedIn('rdma');
  const reachable = own.filter((item) => item.isExecuted || !excused(item)).length;
  const ofReachable = `${((100 * run) / reachable).toFixed(0)} % of ${reachable}`;
  return {
    what: `functions of ${module} run`,
    peer: shareOf(of(peer)),
    ours: `${shareOf(own)}; of those without a reason below, ${ofReachable}`,
    target: verdict(run / own.length >= least, `>= ${100 * least} %`),
  };
}

function latencyRows(measurement: Measurement): readonly Row[] {
  const { perftest, ourLatency, ourLoggedLatency } = measurement;
  const us = (value: number): string => `${value.toFixed(0)} µs`;
  const own = (value: number, peer: number): string => `${us(value)} = ${times(value, peer)}`;
  const row = (what: string, key: 'writeUs' | 'readUs', program: string): Row => ({
    what,
    peer: `${program}: ${us(perftest[key])}`,
    ours:
      `${own(ourLatency[key], perftest[key])}; ` +
      `with the call log ${own(ourLoggedLatency[key], perftest[key])}`,
    target: verdict(ourLatency[key] <= 2 * perftest[key], '<= 2 times'),
  });
  return [
    row(
      'RDMA write of 2 bytes, post to completion',
      'writeUs',
      'half of there and back by ib_write_lat',
    ),
    row('RDMA read of 2 bytes, post to completion', 'readUs', 'ib_read_lat'),
    {
      what: 'RDMA write, like with like: one at a time, each completed',
      peer: `ib_write_bw: ${us(perftest.completedWriteUs)}`,
      ours: own(ourLatency.writeUs, perftest.completedWriteUs),
    },
  ];
}
