/**
 * The records of a run. The journal is a file of these, one JSON object a line; every report is made
 * from it and from nothing else. Times are UTC in ISO 8601, durations milliseconds.
 */

/** Rises when a reader of older journals would misread a newer one. */
export const JOURNAL_VERSION = 1;

/**
 * Worst last, in the order of increasing severity. A `flake` failed, and is known to do so now and then:
 * it needs a look more than a skip does, but it tells nothing new.
 */
export const VERDICTS = [
  'pass',
  'expected-fail',
  'skip',
  'flake',
  'unexpected-pass',
  'unhealthy',
  'fail',
  'hang',
  'crash',
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Verdicts that gate: one of them and the run exits with 1. */
export const GATING: ReadonlySet<Verdict> = new Set([
  'unexpected-pass',
  'unhealthy',
  'fail',
  'hang',
  'crash',
]);

/** What can go wrong on top of a bad end: the kernel complained, or something was left behind. */
export const ON_TOP = ['unhealthy', 'leak'] as const;
export type OnTop = (typeof ON_TOP)[number];

/** Why a point was not run. */
export const SKIP_CLASSES = [
  'no-device',
  'no-node',
  'no-privilege',
  'no-config',
  'no-feature',
  'excluded',
  'depends-on-failed',
  'refused',
] as const;
export type SkipClass = (typeof SKIP_CLASSES)[number];

/**
 * A driver declined what it need not do: a buffer of another driver was not imported. Which side it was
 * is told by a control, `either` where there was none.
 */
export interface Refusal {
  readonly by: 'importer' | 'exporter' | 'either';
  readonly errno: string;
  readonly call: string;
}

/** A conformance rule as reports show it; the catalogue is `cases/rules/`. */
export interface RuleText {
  readonly id: string;
  readonly title: string;
  readonly expect: string;
  readonly source: string;
}

/** The step that decided a failure. Numbers count from 1; steps inside others read `3.2`. */
export interface StepFailure {
  readonly step: string;
  /** The step as the case wrote it, with references resolved, on one line. */
  readonly action: string;
  readonly expected: string;
  readonly actual: string;
  /** The kernel struct as the call left it: `handle=1 flags=0x0`; and in hex. */
  readonly decoded?: string;
  readonly hex?: string;
  /** A mapping's first differing bytes, a stack, what else helps. */
  readonly detail?: string;
}

/** One recorded system call, already decoded. */
export interface CallText {
  readonly command: string;
  /** `handle=1 flags=0x0`; absent for calls without a struct. */
  readonly input?: string;
  readonly output?: string;
  /** `0`, `fd 5`, `EINVAL`. */
  readonly result: string;
  readonly durationUs: number;
}

/** One line of the kernel log, without control characters. */
export interface KernelLine {
  /** Microseconds since the kernel's boot. */
  readonly timeUs: number;
  readonly level: number;
  readonly text: string;
  /** Set when the classifier knows the line as a sign of a bad kernel. */
  readonly sign?: string;
}

/** A device as discovery found it and the probe completed it. */
export interface DeviceRecord {
  /** `vgem@vgem`, `virtio-gpu@pci:0000:00:04.0`. */
  readonly address: string;
  readonly provider: string;
  readonly driver: string;
  readonly node: string;
  readonly capabilities: readonly string[];
  /** What the probe found absent, and why. */
  readonly missing: Readonly<Record<string, string>>;
  /** Driver version, firmware, bus ids: shown in report properties. */
  readonly identity: Readonly<Record<string, string>>;
}

/** First line of a journal. */
export interface RunRecord {
  readonly type: 'run';
  readonly version: typeof JOURNAL_VERSION;
  readonly startedAt: string;
  readonly suite: { readonly version: string; readonly commit: string };
  readonly commandLine: readonly string[];
  readonly target: string;
  /** Working directory, to which paths of the command line are relative. */
  readonly cwd?: string;
  /** Seed of the shuffle, where the order was shuffled. */
  readonly seed?: number;
  /** Which part of the points this run took; the others ran elsewhere. */
  readonly shard?: Shard;
  /** Filters left points out, so that what is not here may well be there. */
  readonly partial?: boolean;
}

/** `--shard 2/5` */
export interface Shard {
  /** Counts from 1. */
  readonly index: number;
  readonly of: number;
}

/** The target said hello: again after each return from a loss. */
export interface TargetRecord {
  readonly type: 'target';
  readonly at: string;
  readonly kernel: string;
  readonly kernelVersion: string;
  readonly machine: string;
  readonly taint: number;
  readonly privileged: boolean;
  readonly devices: readonly DeviceRecord[];
}

/** What will run: point ids in order. Readers know from it what a cut journal left out. */
export interface PlanRecord {
  readonly type: 'plan';
  readonly points: readonly string[];
}

/** The point is about to run; on disk before it does. */
export interface StartedRecord {
  readonly type: 'started';
  readonly id: string;
  readonly at: string;
  /** Points of one lane run one after the other, in one worker as long as that lives. */
  readonly lane?: number;
}

/** One judged point. A later record of the same point stands in place of an earlier one. */
export interface PointRecord {
  readonly type: 'point';
  /** `dma-buf/export/reimport[size=64KiB]@vgem@vgem`. */
  readonly id: string;
  readonly title: string;
  readonly area: string;
  readonly rules: readonly RuleText[];
  /** Role to device address. */
  readonly devices: Readonly<Record<string, string>>;
  /** Provider of the first role; suites are grouped by it. */
  readonly provider: string;
  readonly at: string;
  readonly durationMs: number;
  readonly verdict: Verdict;
  /** One line: why it is not a pass. */
  readonly reason?: string;
  /** What went wrong besides what the verdict names. */
  readonly also?: readonly OnTop[];
  readonly skip?: SkipClass;
  /** With a skip of the class `refused`. */
  readonly refusal?: Refusal;
  readonly failure?: StepFailure;
  readonly kernelLog?: readonly KernelLine[];
  /** Calls of the point, oldest first; kept for points that did not pass. */
  readonly calls?: readonly CallText[];
  /** Command name to number of calls; the base of coverage. */
  readonly callCounts?: Readonly<Record<string, number>>;
  /** Steps that were executed. */
  readonly steps: number;
  /** The command line that runs just this point again. */
  readonly reproduce: string;
  /** What a second look found: `fails alone`, `fails only after <point>`, `does not fail again`. */
  readonly investigation?: string;
  /** For crash by a lost target: the last console text. */
  readonly console?: string;
}

/** Something a reader of the report must know: a lost target, an expectation that matched nothing. */
export interface NoteRecord {
  readonly type: 'note';
  readonly at: string;
  readonly text: string;
}

/** Last line of a journal that was not cut. */
export interface EndRecord {
  readonly type: 'end';
  readonly at: string;
  readonly outcome: 'complete' | 'interrupted' | 'failed';
  readonly reason?: string;
}

export type JournalRecord =
  | RunRecord
  | TargetRecord
  | PlanRecord
  | StartedRecord
  | PointRecord
  | NoteRecord
  | EndRecord;

/** A whole run as reports see it. */
export interface Run {
  readonly run: RunRecord;
  readonly targets: readonly TargetRecord[];
  /** Ids of the plan, in order. */
  readonly planned: readonly string[];
  readonly points: readonly PointRecord[];
  readonly notes: readonly string[];
  /** Absent in a journal that was cut; `started` then names the point that was running. */
  readonly end?: EndRecord;
  readonly interrupted: readonly string[];
}
