import { O_RDONLY, O_RDWR, O_WRONLY, PROT_READ, PROT_WRITE } from './constants.ts';

/** What may be done with a descriptor or a mapping. */
export type Access = 'read' | 'write' | 'read-write';

const ACCESS_MODE = { read: O_RDONLY, write: O_WRONLY, 'read-write': O_RDWR } as const;
const PROTECTION = {
  read: PROT_READ,
  write: PROT_WRITE,
  'read-write': PROT_READ | PROT_WRITE,
} as const;

/** The access mode of open(2). */
export function accessMode(access: Access): number {
  return ACCESS_MODE[access];
}

/** The protection of mmap(2). */
export function protection(access: Access): number {
  return PROTECTION[access];
}
