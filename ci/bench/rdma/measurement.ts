import type { TracedFunction } from '../executed-functions.ts';
import type { SuiteTimes } from '../own-suite.ts';

/** What the guest measures and the host prints: JSON, the last line of each of the guest's scripts. */

export const MODULES = ['rdma_rxe', 'ib_uverbs', 'rdma_ucm'] as const;
export type ModuleName = (typeof MODULES)[number];

/** Other drivers of the lab, which pyverbs' tests do not run on. */
export const DRIVERS = ['siw', 'efa', 'erdma', 'mlx5_ib'] as const;

/** One (object, method) of RDMA_VERBS_IOCTL that was called, and what came of it. */
export interface CalledMethod {
  readonly object: number;
  readonly method: number;
  readonly succeeded: boolean;
}

/** One command that came by write(2), not wrapped into INVOKE_WRITE. */
export interface WrittenCommand {
  readonly command: number;
  readonly extended: boolean;
  readonly succeeded: boolean;
}

export interface Coverage {
  readonly functions: readonly TracedFunction[];
  /** Empty where the kernel cannot tell. */
  readonly methods: readonly CalledMethod[];
  readonly written: readonly WrittenCommand[];
}

/** Microseconds: the best of the rounds, each the median of its iterations. */
export interface Latency {
  readonly writeUs: number;
  readonly readUs: number;
}

export interface PeerLatency extends Latency {
  /** From post to completion as ours is: the best mean of ib_write_bw with one write at a time. */
  readonly completedWriteUs: number;
}

export interface Side {
  readonly times: SuiteTimes;
  readonly coverage: Coverage;
}

/** Of one boot. */
export interface Times {
  readonly kernel: string;
  readonly pyverbs: Side;
  readonly ourTimes: SuiteTimes;
  /** Cases behind our points. */
  readonly ourCases: number;
  readonly perftest: PeerLatency;
  readonly ourLatency: Latency;
  /** With the call log that a worker keeps. */
  readonly ourLoggedLatency: Latency;
}

/** Of the next one. */
export interface OwnCoverage {
  readonly ourCoverage: Coverage;
}

export type Measurement = Times & OwnCoverage;

/** What our suite executes on all RDMA devices of the lab, in a boot of its own. */
export interface EveryDevice {
  readonly kernel: string;
  readonly times: SuiteTimes;
  readonly coverage: Coverage;
}
