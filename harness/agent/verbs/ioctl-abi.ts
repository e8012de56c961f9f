import type { Reach } from '../../../uapi/argument-memory.ts';
import type { AnyStruct, Command } from '../../../uapi/description.ts';

/** As whose call an ioctl goes into the kernel: what its structs look like and where they may lie. */
export interface Abi {
  /** Undefined for this process's own. */
  readonly entry: 'compat' | undefined;
  readonly reach: Reach;
  request(command: Command): number;
  struct(struct: AnyStruct): AnyStruct;
}

const NATIVE: Abi = {
  entry: undefined,
  reach: 'anywhere',
  request: (command) => command.request,
  struct: (struct) => struct,
};

/** A 32-bit program's: addresses and longs of 4 bytes, and 8-byte numbers aligned to 4. */
const COMPAT: Abi = {
  entry: 'compat',
  reach: 'low',
  request: (command) => command.request32,
  struct: (struct) => struct.abi32,
};

export function abiOf(entry: unknown): Abi {
  return entry === 'compat' ? COMPAT : NATIVE;
}
