import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join as joinPath } from 'node:path';
import { errnoName } from '../../../uapi/errno.ts';
import { projectRoot } from '../../../uapi/project-root.ts';
import { memfdCreate } from '../../../uapi/sys-memory.ts';
import { reap, signalMainThread, sleepMs, trySpawn } from '../../../uapi/sys-spawn.ts';
import { durationMs } from '../duration.ts';
import { type EndedPeer, type PeerOrder, parseOutput } from '../peer-protocol.ts';
import { CaseDefect, type ProcessValue } from '../values.ts';
import {
  type Arguments,
  gave,
  gaveFields,
  type PointContext,
  refused,
  type VerbResult,
} from '../verb.ts';
import { judgeEnd, noteDestroyed } from './peer-end.ts';

/**
 * Processes that run steps while the point goes on, and what such steps are for: to do something
 * while the point is in a call, or to interrupt that call.
 */

/** How often it is looked whether a process has got ready, or has ended. */
const LOOK_MS = 1;

/** Of the signals that nobody else uses here. */
const INTERRUPTING = 'SIGUSR2';

/** Starts it, and returns when it is about to run its first step. */
export function startBackground(
  order: PeerOrder,
  handed: readonly number[],
  context: PointContext,
): VerbResult {
  surviveInterrupts();
  const input = memfdCreate('uapi-conform-order');
  const outputs = [memfdCreate('uapi-conform-output'), memfdCreate('uapi-conform-errors')] as const;
  // Written at a position: the file's own, from which the process reads, stays at the start.
  writeAll(input, JSON.stringify(order));
  const args = [joinPath(projectRoot(), 'build/harness/agent/peer.js'), String(process.pid)];
  const { ret: pid, errno } = trySpawn(process.execPath, args, [input, ...outputs, ...handed]);
  closeSync(input);
  if (errno !== 0) throw new CaseDefect(`no other process: ${errnoName(errno)}`);
  const value = processValue(pid, order, outputs);
  context.release.push(`process ${pid}`, () => {
    if (value.joined) return 0;
    context.release.stayed(unjoinedFailure(value));
    return 0;
  });
  let ended: string | undefined;
  while (textOf(outputs[0]) === '' && ended === undefined) {
    sleepMs(LOOK_MS);
    ended = value.look();
  }
  return gave(value);
}

/** What went wrong in a process until it was ended: texts, for there is no step to blame any more. */
function unjoinedFailure(value: ProcessValue): readonly string[] {
  try {
    const result = outcomeOf(value, true, { failInside: reported });
    if (result?.kind !== 'mismatch') return [];
    return [`a background process: ${result.actual} (expected: ${result.expected})`];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function reported(failure: { readonly step: string; expected: string; actual: string }) {
  const actual = `step ${failure.step}: ${failure.actual}`;
  return { kind: 'mismatch', expected: failure.expected, actual } as const;
}

type Background = ProcessValue & { look(): string | undefined };

function processValue(
  pid: number,
  order: PeerOrder,
  outputs: readonly [output: number, errors: number],
): Background {
  let how: string | undefined;
  const look = () => {
    how ??= reap(pid);
    return how;
  };
  const finish = (stop: boolean): EndedPeer => {
    const stopped = stop && look() === undefined;
    if (stopped) process.kill(pid, 'SIGKILL');
    while (look() === undefined) sleepMs(LOOK_MS);
    const [output, stderr] = outputs.map(textOf);
    for (const fd of outputs) closeSync(fd);
    return { how: how ?? '', output: parseOutput(output ?? ''), stderr: stderr ?? '', stopped };
  };
  return { kind: 'process', pid, order, finish, look, joined: false };
}

/** Takes the outcome, once. */
function outcomeOf(
  value: ProcessValue,
  stop: boolean,
  context: Pick<PointContext, 'failInside'> & Partial<Pick<PointContext, 'scope'>>,
): VerbResult | undefined {
  value.joined = true;
  const ended = value.finish(stop);
  if (context.scope !== undefined) noteDestroyed(ended.output, context.scope);
  return judgeEnd(value.order, ended, context);
}

export function join(args: Arguments<'join'>, context: PointContext): VerbResult {
  const value = context.scope.value(args.process, 'process');
  if (value.joined) throw new CaseDefect(`${args.process} was joined before`);
  return outcomeOf(value, args.stop ?? false, context) ?? gaveFields();
}

export function sleep(args: Arguments<'sleep'>): VerbResult {
  sleepMs(durationMs(args));
  return gaveFields();
}

/** Interrupts whoever started this process, in the thread that runs its steps. */
export function interrupt(args: Arguments<'interrupt'>): VerbResult {
  const everyMs = durationMs(args.every);
  const { times = Number.POSITIVE_INFINITY } = args;
  for (let round = 0; round < times; round++) {
    sleepMs(everyMs);
    const errno = signalMainThread(process.ppid, constants.signals[INTERRUPTING]);
    if (errno !== 0) return refused({ errno, call: 'tgkill' });
  }
  return gaveFields();
}

let survives = false;

/**
 * Has the signal handled: node does that with SA_RESTART, and its handler only writes to a pipe. A
 * call that sleeps interruptibly therefore sees a pending signal; the kernel runs the handler and
 * starts the call again with the arguments that lie in memory by then (ERESTARTSYS), or answers EINTR
 * (poll, and drivers that say EINTR themselves). Source: arch/x86/kernel/signal.c, handle_signal()
 */
function surviveInterrupts(): void {
  if (survives) return;
  survives = true;
  process.on(INTERRUPTING, () => {
    // That the call was interrupted is all that is wanted.
  });
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
}

/** All that was written to a file, whatever its position. */
function textOf(fd: number): string {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  let length = 0;
  while (length < bytes.length) {
    const count = readSync(fd, bytes, length, bytes.length - length, length);
    if (count === 0) break;
    length += count;
  }
  return bytes.toString('utf8', 0, length);
}
