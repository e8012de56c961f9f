import { openSync, writeFileSync, writeSync } from 'node:fs';
import { createCallLogFile } from '../../uapi/call-log-file.ts';
import { tryClose } from '../../uapi/sys.ts';
import { dup3 } from '../../uapi/sys-file.ts';
import { currentPid, exitNow, fork } from '../../uapi/sys-fork.ts';
import { dieWithParent } from '../../uapi/sys-parent.ts';
import type { Library } from './library.ts';
import { openDescriptors } from './open-descriptors.ts';
import { StepMarker } from './step-marker.ts';
import { Worker } from './worker.ts';

/** Descriptors of a worker. */
export interface WorkerFiles {
  /** Questions come from there, and answers go there. */
  readonly channel: number;
  /** Standard output and standard error. */
  readonly output: number;
  /** Empty files that the agent reads when the worker is dead. */
  readonly log: number;
  readonly step: number;
}

/** Starts a worker. @returns its id */
export function forkWorker(library: Library, files: WorkerFiles): number {
  const agent = currentPid();
  const inherited = inheritedBut([0, 1, 2, ...Object.values(files)]);
  const pid = fork();
  if (pid > 0) return pid;
  return live(() => {
    dieWithParent(agent);
    partFromAgent(inherited, files);
    // For whoever looks at processes.
    writeFileSync('/proc/self/comm', 'worker');
    const log = createCallLogFile(`/proc/self/fd/${files.log}`);
    new Worker(library, log, new StepMarker(files.step)).serve(files.channel);
  });
}

function live(work: () => void): never {
  // The runtime's own way out waits for threads that a fork does not have.
  process.exit = (code) => exitNow(Number(code ?? process.exitCode ?? 0));
  try {
    work();
  } catch (error) {
    writeSync(2, `${error instanceof Error ? error.stack : error}\n`);
    return exitNow(1);
  }
  return exitNow(0);
}

/**
 * The agent's files are none of the worker's, nor are its standard streams, which are its talk with
 * the host. The runtime writes to some of its own at times, and aborts when it cannot; what it wrote
 * would reach the agent's, which trusts the pointers that come through its pipe for signals.
 */
function partFromAgent(inherited: readonly Descriptor[], { output }: WorkerFiles): void {
  const nowhere = openSync('/dev/null', 'r+');
  for (const { fd, isRuntimes } of inherited) {
    if (isRuntimes) dup3(nowhere, fd);
    else tryClose(fd);
  }
  dup3(nowhere, 0, 0);
  dup3(output, 1, 0);
  dup3(output, 2, 0);
  tryClose(nowhere);
  tryClose(output);
}

interface Descriptor {
  readonly fd: number;
  /** An event queue, a counter to be woken by, or a pipe: this process opens none of these itself. */
  readonly isRuntimes: boolean;
}

function inheritedBut(kept: readonly number[]): readonly Descriptor[] {
  const all = openDescriptors().map(({ fd, target }) => {
    return { fd: Number(fd), isRuntimes: /^(anon_inode|pipe):/.test(target) };
  });
  return all.filter(({ fd }) => !kept.includes(fd));
}
