import type { CallText, KernelLine, PointRecord, StepFailure } from './results.ts';
import { clipLines, oneLine, plainText } from './text.ts';

/** Shown of a point's calls: those before the failing one are what led to it. */
const CALLS_SHOWN = 40;

/** Why a point is not a pass, on one line. */
export function reasonLine(point: PointRecord, limit = 300): string {
  if (point.reason) return oneLine(point.reason, limit);
  if (point.failure) return oneLine(stepLine(point.failure), limit);
  return point.skip ?? point.verdict;
}

/** `step 3: expected EINVAL, got 0`. */
export function stepLine(failure: StepFailure): string {
  return `step ${failure.step}: expected ${failure.expected}, got ${failure.actual}`;
}

/**
 * Everything that helps to understand one point, safe in every report, at most about `limit`
 * characters: what is short and decides comes first, then logs, each with its share of the limit, so
 * that a flood in one does not push out the others.
 */
export function failureText(point: PointRecord, limit = 256 * 1024): string {
  const facts = [
    point.title,
    ...(point.reason ? [`${point.verdict}: ${point.reason}`] : []),
    ...(point.failure ? stepLines(point.failure) : []),
    ...(point.investigation ? [`run again: it ${point.investigation}`] : []),
    ...ruleLines(point),
    `reproduce: ${point.reproduce}`,
    ...deviceLines(point),
  ];
  const logs = [
    ...(point.failure?.detail ? [`detail:\n${point.failure.detail}`] : []),
    ...callText(point.calls ?? []),
    ...kernelLogText(point.kernelLog ?? []),
    ...(point.console ? [`last console text:\n${point.console}`] : []),
  ];
  const share = Math.floor(limit / 4);
  const sections = [facts.join('\n'), ...logs].map((section) => clipLines(section, share));
  return clipLines(plainText(sections.join('\n\n')), limit);
}

/** The failed step: what was done, wanted and found, the struct decoded and in hex. */
export function stepLines(failure: StepFailure): string[] {
  return [
    `step ${failure.step}: ${failure.action}`,
    `  expected: ${failure.expected}`,
    `  actual:   ${failure.actual}`,
    ...(failure.decoded ? [`  struct:   ${failure.decoded}`] : []),
    ...(failure.hex ? [`  hex:      ${failure.hex}`] : []),
  ];
}

/** The rules that the point checks, with the kernel source that each rests on. */
export function ruleLines(point: PointRecord): string[] {
  return point.rules.flatMap((rule) => [
    `rule ${rule.id}: ${rule.title}`,
    ...(rule.expect ? [`  expects: ${rule.expect}`] : []),
    `  source:  ${rule.source}`,
  ]);
}

function deviceLines(point: PointRecord): string[] {
  return Object.entries(point.devices).map(([role, address]) => `${role}: ${address}`);
}

function callText(calls: readonly CallText[]): string[] {
  if (calls.length === 0) return [];
  const shown = calls.slice(-CALLS_SHOWN);
  const cut = shown.length < calls.length;
  const title = cut ? `last ${shown.length} of ${calls.length} calls:` : 'calls:';
  return [[title, ...shown.map(callLine)].join('\n')];
}

function callLine(call: CallText): string {
  const input = call.input ? ` ${call.input}` : '';
  const output = call.output ? ` -> ${call.output}` : '';
  return `  ${call.command}${input}${output} = ${call.result} (${call.durationUs} us)`;
}

/** A line that the classifier knows is marked, so that it is found between hundreds of others. */
function kernelLogText(log: readonly KernelLine[]): string[] {
  if (log.length === 0) return [];
  return [['kernel log:', ...log.map(kernelLine)].join('\n')];
}

function kernelLine(line: KernelLine): string {
  const time = (line.timeUs / 1e6).toFixed(6).padStart(12);
  return `${line.sign ? '!' : ' '} [${time}] ${line.text}${line.sign ? `  <- ${line.sign}` : ''}`;
}
