import { constants } from 'node:os';
import koffi from 'koffi';
import { F_DUPFD_CLOEXEC } from './constants.ts';
import { libc, type SysResult } from './sys-call.ts';

/**
 * Processes that run beside one which does not go back to its event loop: node:child_process hears
 * of an end only there. Nothing of this is in the call log: it is no call of a case.
 */

const posixSpawn: (
  pid: Uint8Array,
  path: string,
  actions: Uint8Array,
  attributes: null,
  argv: readonly (string | null)[],
  envp: readonly (string | null)[],
) => number = libc.func(
  'int posix_spawn(void *pid, const char *path, void *actions, void *attr, const char **argv, const char **envp)',
);
const initActions: (actions: Uint8Array) => number = libc.func(
  'int posix_spawn_file_actions_init(void *actions)',
);
const addDup2: (actions: Uint8Array, from: number, to: number) => number = libc.func(
  'int posix_spawn_file_actions_adddup2(void *actions, int from, int to)',
);
const destroyActions: (actions: Uint8Array) => number = libc.func(
  'int posix_spawn_file_actions_destroy(void *actions)',
);
const rawFcntl: (fd: number, command: number, argument: number) => number = libc.func(
  'int fcntl(int fd, int command, long argument)',
);
const rawClose: (fd: number) => number = libc.func('int close(int fd)');
const rawWaitpid: (pid: number, status: Uint8Array, options: number) => number = libc.func(
  'int waitpid(int pid, void *status, int options)',
);
const rawTgkill: (group: number, thread: number, signal: number) => number = libc.func(
  'int tgkill(int group, int thread, int signal)',
);

/** More than posix_spawn_file_actions_t has in glibc and musl. */
const ACTIONS_BYTES = 256;
/** Copies of descriptors lie above all slots, so that filling one slot overwrites no other's source. */
const FIRST_COPY = 128;
const WNOHANG = 1;

/**
 * posix_spawn(3): ret is the process id.
 *
 * @param descriptors what becomes descriptor 0, 1, 2 … of the process
 */
export function trySpawn(
  path: string,
  args: readonly string[],
  descriptors: readonly number[],
): SysResult {
  const copies = descriptors.map((fd) => rawFcntl(fd, F_DUPFD_CLOEXEC, FIRST_COPY));
  const actions = Buffer.alloc(ACTIONS_BYTES);
  initActions(actions);
  for (const [slot, copy] of copies.entries()) addDup2(actions, copy, slot);
  const pid = Buffer.alloc(4);
  const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
  const errno = posixSpawn(pid, path, actions, null, [path, ...args, null], [...environment, null]);
  destroyActions(actions);
  for (const copy of copies) if (copy >= 0) rawClose(copy);
  return errno === 0 ? { ret: pid.readInt32LE(), errno } : { ret: -1, errno };
}

/**
 * Takes the end of a process that trySpawn() started.
 *
 * @returns `exit`, `exit 1`, `SIGKILL`; undefined while it runs
 */
export function reap(pid: number): string | undefined {
  const status = Buffer.alloc(4);
  if (rawWaitpid(pid, status, WNOHANG) !== pid) return undefined;
  const word = status.readInt32LE();
  const signal = word & 0x7f;
  if (signal === 0) return word === 0 ? 'exit' : `exit ${(word >> 8) & 0xff}`;
  const [name] = Object.entries(constants.signals).find(([, number]) => number === signal) ?? [];
  return name ?? `signal ${signal}`;
}

/**
 * Sends a signal to the main thread of a process, where kill(2) might choose another.
 *
 * @returns an errno, ESRCH when it is gone
 */
export function signalMainThread(pid: number, signal: number): number {
  return rawTgkill(pid, pid, signal) < 0 ? koffi.errno() : 0;
}

/** Blocks this thread. */
export function sleepMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
