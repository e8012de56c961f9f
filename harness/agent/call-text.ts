import type { CallText, StepFailure } from '../../reports/results.ts';
import type { CallLog } from '../../uapi/call-log.ts';
import type { CallRecord } from '../../uapi/call-record.ts';
import { errnoName } from '../../uapi/errno.ts';
import { type Fields, show } from './values.ts';

/** Calls kept in a report: enough to see what led to a failure. */
const KEPT_CALLS = 40;

/** The last recorded calls, decoded, oldest first. */
export function callTexts(log: CallLog): readonly CallText[] {
  return log.entries().slice(-KEPT_CALLS).map(callText);
}

function callText(record: CallRecord): CallText {
  const { state, ret, errno, durationNs, fd } = record.facts;
  const input = structText(record.decodedInput());
  const output = structText(record.decodedOutput());
  const on = fd < 0 ? '' : ` fd ${fd}`;
  return {
    command: `${record.command}${on}`,
    ...(input === undefined ? {} : { input }),
    ...(output === undefined || output === input ? {} : { output }),
    result: state === 'in flight' ? 'did not return' : errno === 0 ? String(ret) : errnoName(errno),
    durationUs: Math.round(durationNs / 1000),
  };
}

function structText(decoded: unknown): string | undefined {
  if (typeof decoded !== 'object' || decoded === null) return undefined;
  return Object.entries(decoded as Fields)
    .map(([name, field]) => `${name}=${show(field)}`)
    .join(' ');
}

/** The struct of the last call, as the kernel left it: what a failure is mostly about. */
export function lastStruct(log: CallLog): Pick<StepFailure, 'decoded' | 'hex'> {
  const last = log.entries().at(-1);
  const decoded = structText(last?.decodedOutput());
  if (last === undefined || decoded === undefined) return {};
  return { decoded: `${last.command}: ${decoded}`, hex: last.facts.output.toString('hex') };
}
