import { readdirSync, readFileSync } from 'node:fs';
import { machine, release, version } from 'node:os';
import type { WireKernel } from '../../protocol.ts';
import { KeptFile } from './kept-file.ts';

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    return '';
  }
}

/** The kernel's taint bits. Source: Documentation/admin-guide/tainted-kernels.rst */
export class Taint {
  readonly #file = KeptFile.open('/proc/sys/kernel/tainted');

  get bits(): number {
    return Number(this.#file?.text());
  }
}

export function kernelFacts(): WireKernel {
  const taint = new Taint().bits;
  return { release: release(), version: version(), machine: machine(), taint };
}

/** What the threads of a process are doing in the kernel: state, wait channel, system call, stack. */
export function whereabouts(pid: number): string {
  const threads = threadsOf(pid);
  const texts = threads.map((thread) => {
    const at = `/proc/${pid}/task/${thread}`;
    const status = textOf(`${at}/status`);
    const name = /^Name:\s*(.*)$/m.exec(status)?.[1] ?? '';
    const state = /^State:\s*(.*)$/m.exec(status)?.[1] ?? 'gone';
    const stack = textOf(`${at}/stack`);
    const head = `thread ${thread} ${name}: ${state}, waiting in ${textOf(`${at}/wchan`) || '?'}`;
    return stack === '' ? head : `${head}\n${stack}`;
  });
  return texts.join('\n');
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}
