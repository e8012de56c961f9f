import {
  executedIn,
  executedOf,
  markdownTable,
  missedFunctions,
  type Row,
  times,
  verdict,
} from '../comparison.ts';
import type { TracedFunction } from '../executed-functions.ts';
import type { SuiteTimes } from '../own-suite.ts';
import { type Excused, excusedIn } from '../unreachable.ts';
import { MEASURED_BEFORE } from './measured-before.ts';
import type { Coverage, Handler, Measurement } from './measurement.ts';

/** The comparison as Markdown, for the terminal and for README.md alike. */
export function comparison(measurement: Measurement): string {
  const { kernel, providers, igt, ours } = measurement;
  const peer =
    igt === undefined
      ? 'igt-gpu-tools could not be had: its figures were measured before, and not in this run.'
      : 'one kind of VM and one run for both, each in a boot of its own.';
  return [
    `Kernel ${kernel}; ${providers.join(', ')}; ${peer}`,
    '',
    markdownTable([...suiteRows(measurement), ...coverageRows(measurement)]),
    '',
    ...missedFunctions('drm', countedFunctions(ours.coverage)),
  ].join('\n');
}

const RATE_GOAL = 20;

function suiteRows({ igt, ours, ourCases }: Measurement): readonly Row[] {
  const count = ({ executed, skipped }: SuiteTimes): string => `${executed} (${skipped} skipped)`;
  const before = MEASURED_BEFORE.times;
  const peer = igt?.times ?? before;
  const own = ours.times;
  const rate = ({ executed, seconds }: SuiteTimes): number => executed / seconds;
  const whole = ({ executed, commandSeconds }: SuiteTimes): number => executed / commandSeconds;
  const name = igt === undefined ? 'measured before' : `igt-gpu-tools ${igt.version}`;
  return [
    {
      what: 'tests executed',
      peer: `${name}: ${count(peer)}`,
      ours: `${count(own)}, of ${ourCases} cases`,
    },
    { what: 'of them passed', peer: String(peer.passed), ours: String(own.passed) },
    { what: 'seconds', peer: peer.seconds.toFixed(0), ours: own.seconds.toFixed(0) },
    {
      what: 'executed tests per second, first to last',
      peer: rate(peer).toFixed(2),
      ours: `${rate(own).toFixed(1)} = ${times(rate(own), rate(peer))}`,
      target: verdict(rate(own) >= RATE_GOAL * rate(peer), `>= ${RATE_GOAL} times`),
    },
    {
      what: 'the same over the whole command',
      peer: whole(peer).toFixed(2),
      ours: `${whole(own).toFixed(1)} = ${times(whole(own), whole(peer))}`,
    },
    {
      what: 'the same beside the figures measured before',
      peer: rate(before).toFixed(2),
      ours: times(rate(own), rate(before)),
    },
  ];
}

/** Of 66 in Linux 6.12. */
const HANDLER_GOAL = 58;

function coverageRows({ igt, ours }: Measurement): readonly Row[] {
  const { coverage } = ours;
  const excused = excusedIn('drm');
  const unexplained = missedHandlers(coverage).filter(
    ({ functionName }) => !excused({ module: 'drm', name: functionName }),
  );
  const ran = executedIn(coverage.handlers);
  const before = MEASURED_BEFORE.handlers;
  return [
    {
      what: 'handlers of DRM core ioctls run',
      peer: igt === undefined ? before : `${executedOf(igt.coverage.handlers)}; before: ${before}`,
      ours: executedOf(coverage.handlers),
      target: verdict(
        ran >= HANDLER_GOAL && unexplained.length === 0,
        `>= ${HANDLER_GOAL}, each missing one explained`,
      ),
    },
    {
      what: 'of them with success',
      peer: igt === undefined ? '' : succeededCell(igt.coverage),
      ours: succeededCell(coverage),
    },
    ...COMPLETE_PARTS.flatMap((part) => partRow(part, igt?.coverage, coverage, excused)),
    ...OTHER_PARTS.flatMap((part) => partRow(part, igt?.coverage, coverage)),
  ];
}

function missedHandlers({ handlers }: Coverage): readonly Handler[] {
  return handlers.filter(({ isExecuted }) => !isExecuted);
}

function succeededCell({ handlers }: Coverage): string {
  if (handlers.every(({ hasSucceeded }) => hasSucceeded === undefined)) return 'not known';
  return `${handlers.filter(({ hasSucceeded }) => hasSucceeded === true).length}`;
}

/** Parts of which every function that a process can reach is to run. */
const COMPLETE_PARTS: readonly string[] = ['vgem', 'dma-heap', 'udmabuf'];
/** Parts that are shown for information. */
const OTHER_PARTS: readonly string[] = ['dma-buf', 'drm_shmem_helper', 'virtio_gpu', 'qxl', 'vkms'];

/** @param excused functions that no process reaches, where all others are to run */
function partRow(
  part: string,
  peer: Coverage | undefined,
  own: Coverage,
  excused?: Excused,
): readonly Row[] {
  const of = ({ functions }: Coverage): readonly TracedFunction[] =>
    functions.filter(({ module }) => module === part);
  if (of(own).length === 0) return [];
  const isWhole = of(own).every((item) => item.isExecuted || excused?.(item));
  return [
    {
      what: `functions of ${part} run`,
      peer: peer === undefined ? (MEASURED_BEFORE.parts[part] ?? '') : executedOf(of(peer)),
      ours: executedOf(of(own)),
      ...(excused !== undefined && { target: verdict(isWhole, 'every one reachable') }),
    },
  ];
}

/** What goals are set for; handlers are functions of the module drm. */
function countedFunctions({ functions, handlers }: Coverage): readonly TracedFunction[] {
  const ofHandlers = handlers.map(({ functionName, isExecuted }) => ({
    module: 'drm',
    name: functionName,
    isExecuted,
  }));
  return [...ofHandlers, ...functions.filter(({ module }) => COMPLETE_PARTS.includes(module))];
}
