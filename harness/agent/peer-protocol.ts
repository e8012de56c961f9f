import type { Step } from '../../cases/types.gen.ts';
import type { Device } from '../../providers/contract.ts';
import type { StepFailure } from '../../reports/results.ts';
import type { DescriptorValue } from './values.ts';

/** Between a worker and the process that a `process` step starts: one order in, one report out. */

/** A value that the peer gets; its descriptor is inherited in the slot. */
export type HandedValue =
  | { readonly name: string; readonly kind: DescriptorValue['kind'] }
  | {
      readonly name: string;
      readonly kind: 'session';
      readonly device: Device;
      readonly provider: string;
    };

export interface PeerOrder {
  readonly steps: readonly Step[];
  readonly values: readonly (HandedValue & { readonly slot: number })[];
  /** Names of descriptors that go back over the socket. */
  readonly give: readonly string[];
  readonly socket: number;
  readonly ends: string;
  /** Devices by role; the peer opens its own sessions. */
  readonly roles: Readonly<Record<string, { readonly device: Device; readonly provider: string }>>;
  readonly providerPaths: readonly string[];
  /** Plain parameters of the point. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
}

export interface PeerReport {
  readonly failure?: StepFailure;
  /** An exception that no step explains. */
  readonly defect?: string;
  readonly given?: readonly { readonly name: string; readonly kind: DescriptorValue['kind'] }[];
}

/** What a peer's standard output said: the step that it last entered, and its report if it had time for one. */
export interface PeerOutput {
  readonly entered: string;
  readonly report: PeerReport | undefined;
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
