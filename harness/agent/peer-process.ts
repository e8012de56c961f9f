import { closeSync, fstatSync, readFileSync, writeSync } from 'node:fs';
import { reap, sleepMs } from '../../uapi/sys-child.ts';
import { exitNow, killSelf } from '../../uapi/sys-fork.ts';
import { memfdCreate } from '../../uapi/sys-memory.ts';
import { dieWithParent } from '../../uapi/sys-parent.ts';
import { type EndedPeer, type PeerLine, type PeerReport, parseOutput } from './peer-protocol.ts';
import { RefusedImport } from './refusal.ts';

/** A process that runs steps beside those of the point: both sides of its life. */

/** How often it is looked whether a process has got ready, or has ended. */
const LOOK_MS = 1;
/**
 * Where the kernel has no seccomp filters, a child can miss memory that the engine got in the very moment
 * of the fork: it dies at once.
 */
export const FORK_ATTEMPTS = 3;

/** The first that a peer says: it lives. What comes next is that it enters a step. */
const HELLO = '{"entered":""}\n';

/** Has a process started that says what it does in this file. @returns its id */
export type Starter = (output: number) => number;

/** As its starter sees it. */
export class PeerProcess {
  readonly pid: number;
  readonly #output: number;
  #how: string | undefined;

  private constructor(pid: number, output: number) {
    this.pid = pid;
    this.#output = output;
  }

  /** Returns when it is about to run its first step, or has ended without. */
  static start(starter: Starter): PeerProcess {
    for (let attempt = 1; ; attempt++) {
      const output = memfdCreate('uapi-conform-output');
      const peer = new PeerProcess(starter(output), output);
      const said = () => fstatSync(output).size;
      while (said() <= HELLO.length && peer.look() === undefined) sleepMs(LOOK_MS);
      const isStillborn = said() === 0 && peer.look() === 'SIGSEGV';
      if (!isStillborn || attempt === FORK_ATTEMPTS) return peer;
      closeSync(output);
    }
  }

  /** How it ended; undefined while it runs. */
  look(): string | undefined {
    this.#how ??= reap(this.pid);
    return this.#how;
  }

  /** Waits for its end, or with `stop` ends it. Only once. */
  finish(stop: boolean): EndedPeer {
    const stopped = stop && this.look() === undefined;
    if (stopped) process.kill(this.pid, 'SIGKILL');
    while (this.look() === undefined) sleepMs(LOOK_MS);
    // Opened anew: the file's own position is behind what the process wrote.
    const text = readFileSync(`/proc/self/fd/${this.#output}`, 'utf8');
    closeSync(this.#output);
    return { how: this.#how ?? '', stopped, output: parseOutput(text) };
  }
}

/**
 * As the process itself sees it, which was forked for nothing else: works, reports and ends.
 *
 * @param output file that the starter reads
 * @param ends how it is to end when all is done
 */
export function liveAsPeer(
  {
    output,
    parent,
    ends,
  }: { readonly output: number; readonly parent: number; readonly ends: string },
  work: (entering: (step: string) => void) => PeerReport,
): never {
  const say = (line: PeerLine) => writeSync(output, `${JSON.stringify(line)}\n`);
  try {
    dieWithParent(parent);
    writeSync(output, HELLO);
    say({ report: work((step) => say({ entered: step })) });
  } catch (error) {
    say({ report: reportOf(error) });
  }
  return ends === 'SIGKILL' ? killSelf() : exitNow(0);
}

function reportOf(error: unknown): PeerReport {
  if (error instanceof RefusedImport) return { refusal: error.refusal };
  return { defect: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
