import {
  GuardedPage,
  noAccessPage,
  type Reach,
  readOnlyPage,
} from '../../../uapi/argument-memory.ts';
import type { IoctlArgument } from '../../../uapi/ioctl.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { CaseDefect } from '../values.ts';

/** Bad places for what a call takes by address. */
export type BadPlace = 'null' | 'unmapped' | 'kernel' | 'split' | 'read-only';

/** An address of the kernel's half: never the caller's, so never readable. */
const KERNEL_ADDRESS = 0xffff_8000_0000_0000n;

export interface Placed {
  readonly address: Exclude<IoctlArgument, Uint8Array>;
  release(): void;
}

const nothing = () => {};

/** Puts bytes where the kernel must not get at all of them, or must not write. */
export function placeBadly(bytes: Buffer, where: BadPlace, reach: Reach): Placed {
  switch (where) {
    case 'null':
      return { address: null, release: nothing };
    case 'kernel':
      if (reach === 'low')
        throw new CaseDefect('a 32-bit call cannot name an address of the kernel');
      return { address: KERNEL_ADDRESS, release: nothing };
    case 'unmapped':
      return inMapping(noAccessPage(reach));
    case 'read-only':
      return inMapping(readOnlyPage(bytes, reach));
    case 'split': {
      if (bytes.length < 2)
        throw new CaseDefect('an argument of less than 2 bytes cannot be split');
      const guarded = GuardedPage.create('no-access', bytes.length, reach);
      const address = guarded.placeAcross(bytes, bytes.length >> 1);
      return { address, release: () => guarded[Symbol.dispose]() };
    }
  }
}

export function isBadPlace(value: unknown): value is BadPlace {
  return ['null', 'unmapped', 'kernel', 'split', 'read-only'].includes(String(value));
}

function inMapping(mapping: Mapping): Placed {
  return { address: mapping.address, release: () => mapping.unmap() };
}
