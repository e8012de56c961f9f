import type { Capability } from '../../providers/contract.ts';
import type { WireStep } from '../protocol.ts';

/** A part that a device plays in a case. */
export interface Role {
  /** What the device must be able to do. */
  readonly needs: readonly Capability[];
  /** Only devices of these providers; absent where any will do. */
  readonly provider?: readonly string[];
  /** Only devices on the same fabric as the device of this role. */
  readonly reaches?: string;
}

/** One combination of parameter values. */
export type ParameterRow = Readonly<Record<string, string | number | boolean>>;

/** A case that was found to be in order, with defaults filled in and fixtures put in place. */
export interface LoadedCase {
  /** `dma-buf/export/reimport-gives-same-handle`: folder and file below the case directory, name. */
  readonly id: string;
  /** The first part of the id. */
  readonly area: string;
  /** As messages show it. */
  readonly file: string;
  /** Where the case starts; found out when it is asked for. */
  readonly line: number;
  readonly title: string;
  readonly rules: readonly string[];
  /** By name, the default role of the steps first. */
  readonly roles: Readonly<Record<string, Role>>;
  /** As the file writes them, which is how ids show them; one empty row where there are none. */
  readonly parameters: readonly ParameterRow[];
  /** The same rows for the agent: names of kernel constants are numbers. */
  readonly wireParameters: readonly ParameterRow[];
  /** Those of the fixture first; names of kernel constants are numbers. */
  readonly steps: readonly WireStep[];
  readonly timeoutMs: number;
  /** No other point runs beside it. */
  readonly exclusive: boolean;
  /** Runs only when asked for with --destructive. */
  readonly destructive: boolean;
  /** Regular expressions of kernel log lines that the case provokes on purpose. */
  readonly expectLog: readonly string[];
}
