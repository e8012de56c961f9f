import koffi from 'koffi';
import { MAP_32BIT, MAP_ANONYMOUS, MAP_PRIVATE, PROT_EXEC, PROT_READ } from './constants.ts';
import { Mapping } from './mapping.ts';
import { mustSucceed } from './sys-call.ts';
import { reap, sleepMs } from './sys-child.ts';
import { exitNow, fork } from './sys-fork.ts';
import { pageSize } from './sys-memory.ts';

/**
 * System calls as a 32-bit program makes them, from this 64-bit process: who enters the kernel through
 * int 0x80 is one to it for that call, and reaches the compat_ioctl of drivers. Code and all that an
 * argument points to lie below 4 GiB.
 *
 * Source: arch/x86/entry/entry_64_compat.S; arch/x86/entry/syscalls/syscall_32.tbl
 */

const NR_GETPID = 20;
const NR_IOCTL = 54;
/** What a system call answers in the place of -1 and errno. */
const MAX_ERRNO = 4095;

/**
 * `int enter(int nr, int a, int b, int c)`: edi, esi, edx, ecx to eax, ebx, ecx, edx. The gate of old
 * kernels does not keep r8 to r11; the caller does not rely on these.
 */
const ENTER = Buffer.from([
  ...[0x53], // push rbx
  ...[0x89, 0xf8], // mov eax, edi
  ...[0x89, 0xf3], // mov ebx, esi
  ...[0x41, 0x89, 0xc8], // mov r8d, ecx
  ...[0x89, 0xd1], // mov ecx, edx
  ...[0x44, 0x89, 0xc2], // mov edx, r8d
  ...[0xcd, 0x80], // int 0x80
  ...[0x5b], // pop rbx
  ...[0xc3], // ret
]);

type Enter = (nr: number, a: number, b: number, c: number) => number;

let entered: Enter | undefined;

function enter(): Enter {
  if (entered !== undefined) return entered;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT;
  const code = Mapping.map({ fd: -1, length: pageSize(), flags });
  code.write(0, ENTER);
  const text = { call: 'mprotect', argument: () => 'PROT_EXEC' };
  mustSucceed(code.protect(PROT_READ | PROT_EXEC), text);
  const type = koffi.proto('int enter32(int nr, int a, int b, int c)');
  entered = (...args) => koffi.call(code.address, type, ...args) as number;
  return entered;
}

/**
 * ioctl(2) of a 32-bit program; sets errno as libc does.
 *
 * @param argument an address below 4 GiB, null, or a number
 */
export function compatIoctl(fd: number, request: number, argument: bigint | null): number {
  const word = BigInt.asIntN(32, argument ?? 0n);
  if (BigInt.asUintN(32, word) !== (argument ?? 0n)) {
    throw new Error(`a 32-bit call cannot be given ${argument}`);
  }
  const ret = enter()(NR_IOCTL, fd, request | 0, Number(word));
  if (ret >= 0 || ret < -MAX_ERRNO) return ret;
  koffi.errno(-ret);
  return -1;
}

let refusal: string | undefined;
let isKnown = false;

/**
 * Why there are no 32-bit system calls here; undefined where there are. A kernel without them answers
 * with SIGSEGV, so a child tries. Needs a process that can be forked.
 */
export function compatRefusal(): string | undefined {
  if (!isKnown) refusal = triedRefusal();
  isKnown = true;
  return refusal;
}

function triedRefusal(): string | undefined {
  if (process.arch !== 'x64') return `no way into the kernel for 32-bit calls on ${process.arch}`;
  const child = fork();
  if (child === 0) exitNow(enter()(NR_GETPID, 0, 0, 0) > 0 ? 0 : 1);
  for (;;) {
    const how = reap(child);
    if (how === 'exit') return undefined;
    if (how !== undefined) return 'this kernel takes no 32-bit calls (CONFIG_IA32_EMULATION)';
    sleepMs(1);
  }
}
