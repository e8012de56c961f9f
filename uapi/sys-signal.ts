import { constants } from 'node:os';
import koffi from 'koffi';
import { F_GETFL, F_SETFL, F_SETOWN_EX, F_SETSIG, O_ASYNC } from './constants.ts';
import type { Errno } from './errno.ts';
import { libc, type Outcome, type SysResult } from './sys-call.ts';
import { tryFcntl } from './sys-file.ts';

/**
 * Signals of a file's events (O_ASYNC). They are held back in the thread that asked for them, and
 * taken one by one, so that nobody's handler runs and no default action ends the process.
 */

const rawGettid: () => number = libc.func('int gettid()');
const rawSigaddset: (set: Uint8Array, signal: number) => number = libc.func(
  'int sigaddset(void *set, int signal)',
);
const rawSigmask: (how: number, set: Uint8Array, old: null) => number = libc.func(
  'int pthread_sigmask(int how, void *set, void *old)',
);
const rawSigtimedwait: (set: Uint8Array, info: Uint8Array, timeout: BigInt64Array) => number =
  libc.func('int sigtimedwait(void *set, void *info, void *timeout)');

const SIGIO = constants.signals.SIGIO;
const SIG_BLOCK = 0;
/** glibc's and musl's sigset_t, siginfo_t. */
const SIGSET_BYTES = 128;
const SIGINFO_BYTES = 128;
/** Where siginfo_t of SIGPOLL has si_fd, on 64 bits. Source: include/uapi/asm-generic/siginfo.h */
const SI_CODE = 8;
const SI_FD = 24;
const F_OWNER_TID = 0;

function onlySigio(): Uint8Array {
  const set = new Uint8Array(SIGSET_BYTES);
  rawSigaddset(set, SIGIO);
  return set;
}

/** fcntl(2): from now on events of the file send SIGIO to this thread, which holds it back. */
export function tryAskForSignals(fd: number): SysResult {
  rawSigmask(SIG_BLOCK, onlySigio(), null);
  const owner = Buffer.alloc(8);
  owner.writeInt32LE(F_OWNER_TID, 0);
  owner.writeInt32LE(rawGettid(), 4);
  const owned = tryFcntl(fd, F_SETOWN_EX, koffi.address(owner));
  if (owned.errno !== 0) return owned;
  // Asked for by its number it says which file it is of.
  const named = tryFcntl(fd, F_SETSIG, SIGIO);
  return named.errno === 0 ? setAsync(fd, O_ASYNC) : named;
}

/** fcntl(2): and from now on no more. */
export function tryAskForNoSignals(fd: number): SysResult {
  return setAsync(fd, 0);
}

function setAsync(fd: number, bit: number): SysResult {
  const flags = tryFcntl(fd, F_GETFL);
  return flags.errno === 0 ? tryFcntl(fd, F_SETFL, (flags.ret & ~O_ASYNC) | bit) : flags;
}

/** A signal that came. */
export interface FileSignal {
  readonly fd: number;
  /** POLL_IN and so on. */
  readonly code: number;
}

/**
 * Takes a signal of a file; EAGAIN when none comes in time. Others, that are handled meanwhile, do not
 * end the wait early.
 */
export function tryTakeSignal(timeoutMs: number): Outcome<FileSignal> {
  const info = Buffer.alloc(SIGINFO_BYTES);
  const deadline = performance.now() + timeoutMs;
  let errno: Errno;
  do {
    const leftMs = Math.max(0, Math.ceil(deadline - performance.now()));
    const timeout = new BigInt64Array([
      BigInt(Math.floor(leftMs / 1000)),
      BigInt(leftMs % 1000) * 1_000_000n,
    ]);
    if (rawSigtimedwait(onlySigio(), info, timeout) === SIGIO) {
      return { ok: true, value: { fd: info.readInt32LE(SI_FD), code: info.readInt32LE(SI_CODE) } };
    }
    errno = koffi.errno();
  } while (errno === constants.errno.EINTR);
  return { ok: false, errno };
}
