import koffi from 'koffi';
import { libc, mustSucceed, type SysResult } from './sys-call.ts';
import { prctl, rawSyscall } from './sys-raw.ts';

/**
 * What this process may do, made less for good. Only for a fork, which has one thread: the calls are
 * made by their numbers, because the C library would ask threads that are not there to follow.
 */

const rawSetrlimit: (resource: number, limits: Uint8Array) => number = libc.func(
  'int setrlimit(int resource, void *limits)',
);

/** Source: arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h for the rest. */
const NR =
  process.arch === 'x64'
    ? { setgroups: 116, setresuid: 117, setresgid: 119 }
    : { setgroups: 159, setresuid: 147, setresgid: 149 };

/** `nobody`, user and group. */
const NOBODY = 65534;
const ROOT = 0;

/** Source: include/uapi/linux/prctl.h */
const PR_SET_DUMPABLE = 4;

/** Source: include/uapi/asm-generic/resource.h */
const RESOURCES = { openFiles: 7, memlock: 8 } as const;

/**
 * Becomes a user without groups and capabilities; one who is no root stays who he is. The signal at the
 * parent's death is to be asked for again.
 *
 * Source: kernel/sys.c, __sys_setresuid(); kernel/cred.c, commit_creds()
 */
export function becomeOrdinary(): void {
  if (process.geteuid?.() !== ROOT) return;
  must('setgroups', rawSyscall(NR.setgroups, 0, 0, 0));
  must('setresgid', rawSyscall(NR.setresgid, NOBODY, NOBODY, NOBODY));
  must('setresuid', rawSyscall(NR.setresuid, NOBODY, NOBODY, NOBODY));
  // Else what /proc has of this process would be root's, who this process is no longer.
  must('prctl', prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/** setrlimit(2): both limits. @param value bytes, or a number of descriptors */
export function setLimit(resource: keyof typeof RESOURCES, value: bigint): void {
  const limits = Buffer.alloc(16);
  limits.writeBigUInt64LE(value);
  limits.writeBigUInt64LE(value, 8);
  must('setrlimit', rawSetrlimit(RESOURCES[resource], limits), () => `${resource}=${value}`);
}

function must(call: string, ret: number, argument = () => ''): void {
  const result: SysResult = { ret, errno: ret < 0 ? koffi.errno() : 0 };
  mustSucceed(result, { call, argument });
}
