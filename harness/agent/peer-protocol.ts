import type { Step } from '../../cases/types.gen.ts';
import type { Device } from '../../providers/contract.ts';
import type { RdmaKind, RdmaObject } from '../../providers/contract-verbs.ts';
import type { Refusal, StepFailure } from '../../reports/results.ts';
import type { DescriptorValue } from './values.ts';

/** Between a worker and the process that a `process` step starts: one order in, one report out. */

/** A value that the peer gets; its descriptor, if it has one, is among those that come along. */
export type HandedValue =
  | { readonly name: string; readonly kind: DescriptorValue['kind'] }
  | {
      readonly name: string;
      readonly kind: 'session';
      readonly device: Device;
      readonly provider: string;
    }
  | {
      readonly name: string;
      readonly kind: 'rdma';
      readonly objectKind: RdmaKind;
      readonly handle: number;
      readonly fields: HandedFields;
      /** The session that the object is reached through: a name that is handed over too. */
      readonly session: string;
    };

/** JSON has no bigint: those are texts that end in `n`. */
export type HandedFields = Readonly<Record<string, number | string>>;

export function packFields(fields: RdmaObject['fields']): HandedFields {
  const pack = (field: number | bigint) => (typeof field === 'bigint' ? `${field}n` : field);
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, pack(field)]));
}

export function unpackFields(fields: HandedFields): RdmaObject['fields'] {
  const unpack = (field: number | string) =>
    typeof field === 'string' ? BigInt(field.slice(0, -1)) : field;
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, unpack(field)]));
}

export interface PeerOrder {
  readonly steps: readonly Step[];
  /** With the place of each one's descriptor among those that come along. */
  readonly values: readonly (HandedValue & { readonly place?: number })[];
  /** Names of descriptors that go back over the socket. */
  readonly give: readonly string[];
  /** Devices by role; the peer opens its own sessions. */
  readonly roles: Readonly<Record<string, { readonly device: Device; readonly provider: string }>>;
  /** Plain parameters of the point. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** In place of steps: a device that the peer takes away. */
  readonly removal?: Removal;
}

export interface Removal {
  readonly device: Device;
  readonly provider: string;
  readonly index?: number;
}

export interface PeerReport {
  readonly failure?: StepFailure;
  /** A driver declined an import, which ends the whole point. */
  readonly refusal?: Refusal;
  /** What the kernel said to the removal of a device. */
  readonly refused?: { readonly errno: number; readonly call: string };
  /** An exception that no step explains. */
  readonly defect?: string;
  readonly given?: readonly { readonly name: string; readonly kind: DescriptorValue['kind'] }[];
  /** Names of objects that were handed over and are destroyed now. */
  readonly destroyed?: readonly string[];
}

/** What a peer said: the step that it last entered, and its report if it had time for one. */
export interface PeerOutput {
  readonly entered: string;
  readonly report: PeerReport | undefined;
}

/** How a case says that a peer must end, and how many steps it has. */
export interface PeerEnd {
  readonly ends: string;
  readonly steps: readonly Step[];
}

/** How a peer ended: `exit`, `exit 1`, `SIGKILL`; and what it had said by then. */
export interface EndedPeer {
  readonly how: string;
  readonly output: PeerOutput;
  /** It was still at work, and was ended by us. */
  readonly stopped: boolean;
}

/** A line before each step, then one with the report. */
export type PeerLine = { readonly entered: string } | { readonly report: PeerReport };

export function parseOutput(text: string): PeerOutput {
  let output: PeerOutput = { entered: '', report: undefined };
  for (const line of text.split('\n').filter((part) => part.startsWith('{'))) {
    output = { ...output, ...(JSON.parse(line) as PeerLine) };
  }
  return output;
}
