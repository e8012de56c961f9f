import { libc } from './sys-call.ts';

/** Calls that are no part of what is tested, and in no call log. -1 and koffi.errno() on failure. */

/** A call by its number. */
export const rawSyscall: (number: number, a: number, b: number, c: number) => number = libc.func(
  'long syscall(long number, long a, long b, long c)',
);

/** prctl(2). */
export const prctl: (option: number, a: number, b: number, c: number, d: number) => number =
  libc.func(
    'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
  );
