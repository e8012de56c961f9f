import koffi from 'koffi';
import { prctl, rawSyscall } from './sys-raw.ts';

/** Calls that this process does not make any more, whoever in it asks for them. */

/** Source: arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h for the rest. */
const NR = process.arch === 'x64' ? { madvise: 28, seccomp: 317 } : { madvise: 233, seccomp: 277 };

/** Source: include/uapi/linux/audit.h */
const AUDIT_ARCHES: Readonly<Partial<Record<NodeJS.Architecture, number>>> = {
  x64: 0xc000003e,
  arm64: 0xc00000b7,
  riscv64: 0xc00000f3,
};

/** Source: include/uapi/linux/seccomp.h */
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;
const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
const SECCOMP_RET_ERRNO = 0x5_0000;
const SECCOMP_RET_ALLOW = 0x7fff_0000;

/** Offsets in struct seccomp_data. */
const DATA = { nr: 0, arch: 4, thirdArgument: 32 } as const;

/** Source: include/uapi/linux/prctl.h */
const PR_SET_NO_NEW_PRIVS = 38;

/** Source: include/uapi/linux/bpf_common.h */
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;

/** A struct sock_filter: its code, how many to skip if true and if false, its constant. */
type Instruction = readonly [code: number, yes: number, no: number, k: number];

/**
 * Has madvise(2) with this advice answered 0 and not done, in all threads of this process for good and in
 * all that it starts. Nothing else changes; who is not root gains no privileges by exec(2) any more.
 *
 * @returns false where the kernel has no such filters (CONFIG_SECCOMP_FILTER), or its number for this
 * architecture is not known
 * Source: kernel/seccomp.c, seccomp_set_mode_filter()
 */
export function ignoreAdvice(advice: number): boolean {
  const arch = AUDIT_ARCHES[process.arch];
  if (arch === undefined) return false;
  const filter = assemble([
    [LOAD_WORD, 0, 0, DATA.arch],
    [JUMP_IF_EQUAL, 0, 5, arch],
    [LOAD_WORD, 0, 0, DATA.nr],
    [JUMP_IF_EQUAL, 0, 3, NR.madvise],
    [LOAD_WORD, 0, 0, DATA.thirdArgument],
    [JUMP_IF_EQUAL, 0, 1, advice],
    [RETURN, 0, 0, SECCOMP_RET_ERRNO],
    [RETURN, 0, 0, SECCOMP_RET_ALLOW],
  ]);
  return setFilter(filter) || (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) === 0 && setFilter(filter));
}

function setFilter(filter: Buffer): boolean {
  const program = Buffer.alloc(16);
  program.writeUInt16LE(filter.length / 8, 0);
  program.writeBigUInt64LE(koffi.address(filter), 8);
  const address = Number(koffi.address(program));
  const flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  return rawSyscall(NR.seccomp, SECCOMP_SET_MODE_FILTER, flags, address) === 0;
}

function assemble(instructions: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [place, [code, yes, no, k]] of instructions.entries()) {
    bytes.writeUInt16LE(code, place * 8);
    bytes.set([yes, no], place * 8 + 2);
    bytes.writeUInt32LE(k, place * 8 + 4);
  }
  return bytes;
}
