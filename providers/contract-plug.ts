/**
 * The part of the contract about devices that come and go, and about their ports: what an administrator
 * does to a device, and no session. Those have it whose devices can be made again as they were: drivers
 * that are software, and cards in slots of the lab.
 */
import type { CallOutcome } from '../uapi/call-outcome.ts';
import type { Device } from './contract.ts';

type Outcome<T> = CallOutcome<T>;

/** What a device is made from; by default what the role's device was made from when it was found. */
export interface PlugRequest {
  /** The device's name. */
  readonly name?: string;
  readonly driver?: string;
  /** The network device that it sits on. */
  readonly netdev?: string;
}

/** What changes; the rest stays. */
export interface PortRequest {
  readonly state?: 'up' | 'down';
  /** Bytes of the largest packet of the network device. */
  readonly mtu?: number;
}

/** A device as it was, to be kept by another process than the one that changes it. */
export interface KeptDevice {
  readonly device: Device;
  readonly state: Readonly<Record<string, string | number | boolean>>;
}

export interface Plug {
  /**
   * Takes the device away. Returns when it is gone: that may wait until nobody has it open any more, and
   * nothing else ends the call. So whoever calls has nothing of it open.
   *
   * @param index another number than the device's for the kernel to look up
   */
  remove(device: Device, index?: number): Outcome<undefined>;

  /** Makes the device again, or another one. */
  add(device: Device, want: PlugRequest): Outcome<undefined>;

  /** Removes a device that `add` made under a name of its own. */
  removeNamed?(name: string): Outcome<undefined>;

  setPort?(device: Device, want: PortRequest): Outcome<undefined>;

  remember(device: Device): KeptDevice;

  /**
   * Puts back what was remembered: the device under its name, its port and its addresses. Waits a little
   * for a removal that has not ended.
   *
   * @returns what could not be put back, and how to mend it
   */
  putBack(kept: KeptDevice): string | undefined;
}
