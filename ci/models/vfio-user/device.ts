import type { GuestMemory } from './guest-memory.ts';

/** What a device may use of the machine that it is plugged into. */
export interface Host {
  /** By the addresses that the guest's driver gives the device. */
  readonly memory: GuestMemory;
  /** Where the guest has put a BAR of the device; undefined while its memory is off. */
  barAddress(index: number): number | undefined;
  /** Raises an MSI-X vector. One that the guest has not enabled is lost, as on hardware. */
  interrupt(vector: number): void;
  /** A line for people: model.log beside the console's. */
  say(line: string): void;
}

/** What the configuration space says of a device. */
export interface PciIdentity {
  readonly vendorId: number;
  readonly deviceId: number;
  readonly subsystemVendorId: number;
  readonly subsystemId: number;
  readonly revision: number;
  /** 24 bits: class, subclass, interface. */
  readonly classCode: number;
}

/** A memory BAR. */
export interface Bar {
  readonly index: number;
  /** A power of two, at least 4096. */
  readonly sizeBytes: number;
  readonly is64Bit: boolean;
  readonly isPrefetchable: boolean;
  /**
   * A file that is the BAR: the guest maps it, and the device is not told of accesses. They may come as
   * reads and writes all the same, where QEMU cannot map it.
   */
  readonly fd?: number;
}

/** The vectors, and where in the BARs their table and their pending bits are. */
export interface MsixPlace {
  readonly vectors: number;
  readonly bar: number;
  readonly tableOffset: number;
  readonly pendingOffset: number;
}

/** A device that a driver can drive. All its methods return soon; the guest's CPU waits for reads. */
export interface DeviceModel {
  readonly identity: PciIdentity;
  readonly bars: readonly Bar[];
  readonly msix: MsixPlace;
  /** What the guest reads at an offset of a BAR. */
  readBar(bar: number, offset: number, count: number): Buffer;
  writeBar(bar: number, offset: number, data: Buffer): void;
  /** A reset from outside: of the function, or of the whole machine. */
  reset(): void;
  /** When there is something to do that nobody asks for, by performance.now(). */
  readonly wakeAtMs?: number | undefined;
  /** It is that time, or later. */
  wake?(): void;
}

export type MakeDevice = (host: Host) => DeviceModel;
