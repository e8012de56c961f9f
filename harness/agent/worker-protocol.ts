import type { KeptDevice } from '../../providers/contract-plug.ts';
import type { DeviceRecord } from '../../reports/results.ts';
import type { WireCase, WirePoint } from '../protocol.ts';
import type { WorkerOutcome } from './point.ts';

/** Between the agent and a worker, lines of JSON over one socket. Each message has one answer. */
export type ToWorker =
  | { readonly t: 'discover' }
  | { readonly t: 'probe'; readonly addresses: readonly string[] }
  /** Look for these devices, so that it is no point's time. */
  | { readonly t: 'prepare'; readonly addresses: readonly string[] }
  | { readonly t: 'case'; readonly case: WireCase }
  | { readonly t: 'point'; readonly point: WirePoint }
  /** What are these devices now? For a point that takes them away, or switches their ports. */
  | { readonly t: 'remember'; readonly addresses: readonly string[] }
  /** Have them as they were. */
  | { readonly t: 'put-back'; readonly kept: readonly KeptDevice[] };

/** Device address to node. */
export type MovedNodes = Readonly<Record<string, string>>;

export type FromWorker =
  /** First, unasked: the worker can be spoken to. */
  | { readonly t: 'hello' }
  | { readonly t: 'ready' }
  | { readonly t: 'devices'; readonly devices: readonly DeviceRecord[] }
  | { readonly t: 'probed'; readonly devices: readonly DeviceRecord[] }
  | { readonly t: 'outcome'; readonly outcome: WorkerOutcome }
  | { readonly t: 'remembered'; readonly kept: readonly KeptDevice[] }
  /** What could not be put back, in words; and of devices with another node than before, that node. */
  | { readonly t: 'as-it-was'; readonly lost: readonly string[]; readonly moved: MovedNodes }
  | { readonly t: 'failed'; readonly error: string };
