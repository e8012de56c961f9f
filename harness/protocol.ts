/**
 * The protocol between the two halves: JSON objects, one a line, over a pair of streams. The host
 * asks first; points are sent ahead and answered in the order in which they end.
 *
 * u64 values travel as decimal strings with the suffix `n` (`"18446744073709551615n"`), because
 * JSON has no 64-bit integers; see `toWire`.
 */
import type {
  CallText,
  DeviceRecord,
  KernelLine,
  Refusal,
  SkipClass,
  StepFailure,
} from '../reports/results.ts';

/** Both halves must say the same number. */
export const PROTOCOL_VERSION = 3;

/** A step as it stands in a case file: one verb, its arguments, and the common keys. */
export type WireStep = Readonly<Record<string, unknown>>;

/** What the agent needs of a case. Sent once, before the first point that names it. */
export interface WireCase {
  readonly id: string;
  readonly steps: readonly WireStep[];
  /** Role to provider needs are the host's business; here only the names, in order. */
  readonly roles: readonly string[];
  /** Kernel log lines (regular expressions) that the case provokes on purpose; each must come. */
  readonly expectLog: readonly string[];
  /** A step changes a device for everybody: as it was, it is put back after each point. */
  readonly disturbs?: true;
}

/** One point: a case, its parameters and its devices. */
export interface WirePoint {
  readonly id: string;
  readonly case: string;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** Role to device address. */
  readonly devices: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Limit of the time without a step, a call or a kernel log line; 0 for none. */
  readonly inactivityMs: number;
  /** No other point runs beside it. */
  readonly exclusive: boolean;
}

export type HostMessage =
  | {
      readonly t: 'hello';
      readonly protocol: number;
      /** Provider folders outside the tree, as the target sees them. */
      readonly providers: readonly string[];
      /** Points that may run side by side; 0 lets the agent choose. */
      readonly jobs: number;
      /** Every point gets a process of its own. */
      readonly isolate: boolean;
    }
  | { readonly t: 'discover' }
  | { readonly t: 'probe'; readonly addresses: readonly string[] }
  | { readonly t: 'case'; readonly case: WireCase }
  | { readonly t: 'point'; readonly point: WirePoint }
  /** Drop what has not started; what runs is finished or killed at its limit. */
  | { readonly t: 'cancel' }
  /** No point is to come: say what only shows over the whole run, as notes, and then `rested`. */
  | { readonly t: 'rest' }
  | { readonly t: 'bye' };

/** How a point ended, before judgement. */
export type PointEnd =
  /** All steps ran and met their expectations. */
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failure: StepFailure }
  | {
      readonly kind: 'skipped';
      readonly class: SkipClass;
      readonly reason: string;
      readonly refusal?: Refusal;
    }
  /** The worker died: `SIGSEGV`, or `exit 3`. */
  | { readonly kind: 'died'; readonly how: string; readonly step: string; readonly call?: string }
  | {
      readonly kind: 'timeout';
      readonly limitMs: number;
      /** Which limit it was: of the whole point, or of the time without any activity. */
      readonly limit: 'time' | 'inactivity';
      readonly step: string;
      readonly call?: string;
      /** State, wait channel and kernel stack of the worker's threads. */
      readonly where: string;
    }
  /** Our own fault: an exception in the worker that no step explains. */
  | { readonly kind: 'defect'; readonly error: string }
  /** Cancelled before it started. */
  | { readonly kind: 'cancelled' };

export interface WireOutcome {
  readonly id: string;
  readonly end: PointEnd;
  readonly durationMs: number;
  readonly steps: number;
  readonly calls?: readonly CallText[];
  readonly callCounts?: Readonly<Record<string, number>>;
  readonly kernelLog: readonly KernelLine[];
  readonly taintBefore: number;
  readonly taintAfter: number;
  /** Signs of a bad kernel that stand in no log line: a device that vanished, lockdep off. */
  readonly signs?: readonly string[];
  /** Points that ran meanwhile: kernel log and taint may be their doing. */
  readonly beside?: readonly string[];
  /** What could not be released, or was still there afterwards. */
  readonly leftBehind?: readonly string[];
}

export interface WireKernel {
  readonly release: string;
  readonly version: string;
  readonly machine: string;
  readonly taint: number;
}

export type AgentMessage =
  | {
      readonly t: 'hello';
      readonly protocol: number;
      readonly kernel: WireKernel;
      readonly privileged: boolean;
    }
  | { readonly t: 'devices'; readonly devices: readonly DeviceRecord[] }
  | { readonly t: 'probed'; readonly devices: readonly DeviceRecord[] }
  /** Has left the target before the point runs. */
  | {
      readonly t: 'started';
      readonly id: string;
      readonly at: string;
      /** The lane that runs it: one worker, and those in its place. */
      readonly lane: number;
    }
  | { readonly t: 'outcome'; readonly outcome: WireOutcome }
  | { readonly t: 'note'; readonly text: string }
  | { readonly t: 'rested' }
  /** The agent cannot go on: a bad provider, a protocol mismatch. */
  | { readonly t: 'fatal'; readonly kind: 'usage' | 'infra'; readonly message: string };

/** One line of the protocol, newline included. */
export function encodeLine(message: HostMessage | AgentMessage): string {
  try {
    return `${JSON.stringify(message)}\n`;
  } catch {
    // A bigint, of which JSON knows nothing. Asking for each value costs several times as much.
    return `${JSON.stringify(message, (_key, value: unknown) => toWire(value))}\n`;
  }
}

/** @throws SyntaxError when the line is not JSON; the caller says which half sent it. */
export function decodeLine<T extends HostMessage | AgentMessage>(line: string): T {
  return JSON.parse(line) as T;
}

/** bigint has no JSON form: small ones become numbers, large ones a decimal string with `n`. */
export function toWire(value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : `${value}n`;
}
