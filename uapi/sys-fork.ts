import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import koffi from 'koffi';
import { CLONE_PARENT, MADV_DOFORK, MADV_DONTFORK } from './constants.ts';
import { FORKABLE_NODE } from './forkable-node.ts';
import { libc, mustSucceed, type SysResult } from './sys-call.ts';
import { within } from './sys-child.ts';
import { rawSyscall } from './sys-raw.ts';
import { ignoreAdvice } from './sys-seccomp.ts';

/**
 * fork(2) for a process that runs JavaScript. The child has the thread that called and no other, so
 * it may run synchronous code only, and ends by exitNow() or killSelf(). Nothing of this is in the
 * call log: it is no call of a case.
 */

const rawFork: () => number = libc.func('int fork()');
const rawMadvise: (address: number, length: number, advice: number) => number = libc.func(
  'int madvise(size_t address, size_t length, int advice)',
);
const rawGetpid: () => number = libc.func('int getpid()');
const rawKill: (pid: number, signal: number) => number = libc.func('int kill(int pid, int signal)');
const rawExit: (status: number) => void = libc.func('void _exit(int status)');

/** Source: arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h for the rest. */
const NR_CLONE = process.arch === 'x64' ? 56 : 220;

/**
 * fork(2); a `sibling` has the parent of this process for its own (CLONE_PARENT), and only a process
 * with one thread may ask for it, because the C library is not told. ret is 0 in the child.
 *
 * @throws Error in a process that was not started with FORKABLE_NODE
 */
export function tryFork(kind: 'child' | 'sibling' = 'child'): SysResult {
  const missing = FORKABLE_NODE.filter((flag) => !process.execArgv.includes(flag));
  if (missing.length > 0) throw new Error(`a process that forks needs node ${missing.join(' ')}`);
  letForkCopyEverything();
  letOthersSleep();
  const flags = CLONE_PARENT | constants.signals.SIGCHLD;
  // Without a stack of its own; these flags ask for nothing that the further arguments say.
  const ret = kind === 'child' ? rawFork() : rawSyscall(NR_CLONE, flags, 0, 0);
  return { ret, errno: ret < 0 ? koffi.errno() : 0 };
}

/** fork(2): the id of the child, and 0 in the child itself. */
export function fork(): number {
  return mustSucceed(tryFork(), { call: 'fork', argument: () => 'a child' });
}

/** The id of this process; in a child, process.pid is still that of its parent. */
export function currentPid(): number {
  return rawGetpid();
}

/** Ends this process as _exit(2) does: nothing that its parent prepared is run. */
export function exitNow(status: number): never {
  rawExit(status);
  throw new Error('_exit returned');
}

/** Ends this process by SIGKILL. */
export function killSelf(): never {
  rawKill(rawGetpid(), constants.signals.SIGKILL);
  throw new Error('SIGKILL returned');
}

/** Private memory without a file: address range, rights, offset, device, inode 0, no special name. */
const ANONYMOUS = /^([0-9a-f]+)-([0-9a-f]+) ...p 0+ 00:00 0 *(?:$|\[heap|\[stack|\[anon)/gm;

const MAPS = '/proc/self/maps';

/** Whether what the engine gets from now on is copied to children like everything else. */
let isSettled = false;

/**
 * The engine marks all memory that it gets MADV_DONTFORK, which a child would miss at once: V8 is built
 * so that starting another program is fast. It may get some at any moment, also between a look at the
 * mappings and the fork, so the kernel is told not to listen to it, and what it has is marked back.
 *
 * Source: V8, V8_ENABLE_PRIVATE_MAPPING_FORK_OPTIMIZATION; mm/madvise.c
 */
function letForkCopyEverything(): void {
  if (isSettled) return;
  isSettled = ignoreAdvice(MADV_DONTFORK);
  markBack();
}

/**
 * Where the kernel cannot be told, looking may itself have made the heap grow, so it is looked again
 * until nothing is new. That last look allocates next to nothing, but a child now and then dies.
 */
function markBack(): void {
  let seen: Buffer;
  do {
    seen = Buffer.from(read(MAPS));
    for (const [, from = '', to = ''] of seen.toString('latin1').matchAll(ANONYMOUS)) {
      const start = Number.parseInt(from, 16);
      rawMadvise(start, Number.parseInt(to, 16) - start, MADV_DOFORK);
    }
  } while (!read(MAPS).equals(seen));
}

/** Longer than the engine's threads have a lock; one that works on for longer is not the engine's. */
const SLEEP_LIMIT_MS = 100;

/**
 * The engine of node 26 has its threads help to collect garbage whatever it is told. What one of them has
 * locked would stay so in a child, where it is not: one that sleeps has nothing locked.
 */
function letOthersSleep(): void {
  const own = String(currentPid());
  const others = readdirSync('/proc/self/task').filter((thread) => thread !== own);
  within(SLEEP_LIMIT_MS, () => others.every(sleeps));
}

/** Source: Documentation/filesystems/proc.rst, /proc/PID/stat: pid (name) state */
function sleeps(thread: string): boolean {
  try {
    const text = read(`/proc/self/task/${thread}/stat`);
    return text.at(text.lastIndexOf(') ') + 2) === SLEEPING;
  } catch {
    // It has ended since it was listed.
    return true;
  }
}

const SLEEPING = 'S'.charCodeAt(0);

let content: Buffer = Buffer.alloc(1 << 17);

/** What a file of procfs says, in memory that the next call overwrites. */
function read(file: string): Buffer {
  const fd = openSync(file, 'r');
  try {
    let length = 0;
    for (;;) {
      const count = readSync(fd, content, length, content.length - length, null);
      if (count === 0) return content.subarray(0, length);
      length += count;
      if (length === content.length) content = Buffer.concat([content, Buffer.alloc(length)]);
    }
  } finally {
    closeSync(fd);
  }
}
