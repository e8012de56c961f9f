/** An agent behind a child process: its streams, its last words and its end. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { TargetConnection, TargetLoss } from '../target.ts';

export interface ChildAgent {
  readonly program: string;
  readonly args: readonly string[];
  /** What its end means. */
  readonly explain: (end: ChildEnd) => TargetLoss;
  /** Each line that the child writes to stderr. */
  readonly onErrorLine?: (line: string) => void;
  /**
   * For one that puts devices back at its end: from closing its input to SIGTERM. When this process ends
   * before, of whatever, such a one is left to end by itself; any other is killed.
   */
  readonly patienceMs?: number;
}

/** How the child ended. */
export interface ChildEnd {
  /** `exited with 1` */
  readonly how: string;
  readonly code: number | null;
  /** The end of what it wrote to stderr. */
  readonly errors: string;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** As much of stderr as a loss carries. */
const CONSOLE_BYTES = 16 * 1024;
const PATIENCE_MS = 2000;
/** From SIGTERM to SIGKILL, and from there until it is given up. */
const KILL_PATIENCE_MS = [1000, 5000] as const;

/**
 * Starts the child in a process group of its own, so that Ctrl-C in the terminal reaches only this
 * process, and a kill reaches all that the child has started.
 */
export function startChildAgent(agent: ChildAgent): TargetConnection {
  const child = spawn(agent.program, agent.args, {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const errors = new ErrorTail(child.stderr, agent.onErrorLine);
  const gone = endOf(child);
  const killAtExit = () => killGroup(child, 'SIGKILL');
  if (agent.patienceMs === undefined) process.once('exit', killAtExit);
  const lost = gone.then((end) => {
    process.off('exit', killAtExit);
    return agent.explain({ ...end, errors: errors.text });
  });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= end(child, gone, agent.patienceMs ?? PATIENCE_MS);
    return closing;
  };
  return { input: child.stdin, output: child.stdout, lost, close };
}

type Gone = Promise<Omit<ChildEnd, 'errors'>>;

/** Its streams may still hold data then; stderr, which is read for `errors`, hardly ever does. */
function endOf(child: Child): Gone {
  return new Promise((resolve) => {
    child.once('error', ({ message }) => {
      resolve({ how: `could not be started: ${message}`, code: null });
    });
    child.once('exit', (code, signal) => {
      const how = signal === null ? `exited with ${code}` : `was ended by ${signal}`;
      setImmediate(() => resolve({ how, code }));
    });
  });
}

/** The polite way first: an agent whose input ends releases its devices. */
async function end(child: Child, gone: Gone, patienceMs: number): Promise<void> {
  child.stdin.end();
  const [toKill, toGiveUp] = KILL_PATIENCE_MS;
  if (!(await endsWithin(gone, patienceMs))) {
    killGroup(child, 'SIGTERM');
    if (!(await endsWithin(gone, toKill))) killGroup(child, 'SIGKILL');
    await endsWithin(gone, toGiveUp);
  }
  // What the agent left behind: workers whose driver did not let them go before.
  killGroup(child, 'SIGKILL');
  child.stdout.destroy();
  child.stderr.destroy();
}

async function endsWithin(gone: Gone, limitMs: number): Promise<boolean> {
  return await Promise.race([gone.then(() => true), delay(limitMs, false, { ref: false })]);
}

function killGroup(child: Child, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is empty already.
  }
}

class ErrorTail {
  text = '';

  constructor(stream: Readable, onLine: ((line: string) => void) | undefined) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      this.text = (this.text + chunk).slice(-CONSOLE_BYTES);
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (onLine) lines.forEach(onLine);
    });
    stream.on('error', () => {});
  }
}
