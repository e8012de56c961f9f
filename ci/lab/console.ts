import type { TargetLoss } from '../../harness/target.ts';

/** What a guest's console has shown so far: its end, and what in it tells why a guest is gone. */
export interface ConsoleState {
  readonly tail: string;
  /** The first line of each kind. */
  readonly panic?: string;
  /** What went wrong, oldest first. */
  readonly signs?: readonly string[];
  readonly failure?: string;
}

export const CONSOLE_TAIL_CHARACTERS = 16 * 1024;

/** More say no more: what was first is what is looked for. */
const MAX_SIGNS = 100;

const PANIC = /Kernel panic - not syncing: ?(.*)/;
const OOPS = /(?:BUG: |Oops: |general protection fault|int3: |kernel BUG at |UBSAN: |KASAN: ).*/;
const FAILURE = /^lab: failed: (.*)/;
const AGENT_END = /^lab: (the agent ended with status .*)/;

/** Takes in one console line. A pure step, so that a recorded console can be classified again. */
export function addConsoleLine(state: ConsoleState, line: string): ConsoleState {
  const tail = `${state.tail}${line}\n`.slice(-CONSOLE_TAIL_CHARACTERS);
  const panic = state.panic ?? PANIC.exec(line)?.[1];
  const { signs = [] } = state;
  const sign = signs.length < MAX_SIGNS ? OOPS.exec(line)?.[0] : undefined;
  const failure = state.failure ?? FAILURE.exec(line)?.[1] ?? AGENT_END.exec(line)?.[1];
  return {
    tail,
    ...(panic === undefined ? {} : { panic }),
    ...(sign === undefined ? state.signs && { signs } : { signs: [...signs, sign] }),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** Lines of our own scripts, which people are told; undefined for all others. */
export function labLine(line: string): string | undefined {
  return /^lab: (?!failed: |the agent ended)(.*)/.exec(line)?.[1];
}

/** How a guest ended, seen from outside. */
export interface GuestEnd {
  /** Whether the agent was started before the end. */
  readonly wasReady: boolean;
  readonly reason: 'exit' | 'closed' | 'timeout';
  readonly timeoutMs: number;
  /** What QEMU said on its standard error, and its exit status. */
  readonly qemuError: string;
  /** How a device model ended that QEMU still needed. */
  readonly modelError?: string | undefined;
  readonly qemuStatus: string;
}

/** Turns the end of a guest into one loss: what the console says goes before how QEMU ended. */
export function classifyLoss(state: ConsoleState, end: GuestEnd): TargetLoss {
  const loss = (kind: TargetLoss['kind'], message: string): TargetLoss => ({
    kind,
    message,
    console: state.tail,
  });
  if (end.reason === 'closed') return loss('closed', 'the lab was shut down');
  if (state.panic !== undefined) {
    const panic = loss('panic', `the guest's kernel panicked: ${state.panic}`);
    return state.signs === undefined ? panic : { ...panic, signs: state.signs };
  }
  if (end.modelError !== undefined) {
    return loss(end.wasReady ? 'exited' : 'boot-failure', end.modelError);
  }
  if (end.reason === 'timeout') {
    const after = `${end.timeoutMs / 1000} s`;
    return loss('boot-timeout', `the guest did not start its agent within ${after}`);
  }
  if (!end.wasReady) {
    const why = state.failure ?? (end.qemuError || `QEMU ended (${end.qemuStatus})`);
    return loss('boot-failure', `the guest did not boot: ${why}`);
  }
  const said = end.qemuError === '' ? '' : `: ${end.qemuError}`;
  const why = state.failure ?? `QEMU ended (${end.qemuStatus})${said}`;
  return loss('exited', `the guest ended: ${why}`);
}
