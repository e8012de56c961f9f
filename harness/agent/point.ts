import type { Step } from '../../cases/types.gen.ts';
import type { Device, Outcome, Provider } from '../../providers/contract.ts';
import type { CallText, SkipClass, StepFailure } from '../../reports/results.ts';
import { type CallLog, setCallLog } from '../../uapi/call-log.ts';
import { E, errnoName } from '../../uapi/errno.ts';
import type { PointEnd, WireCase, WirePoint } from '../protocol.ts';
import { someStep } from '../some-step.ts';
import { callTexts, lastStruct } from './call-text.ts';
import type { CommandIndex } from './commands.ts';
import type { ForkServer } from './fork-server.ts';
import { runSteps } from './interpreter.ts';
import { OpenDescriptors } from './open-descriptors.ts';
import { providerOf } from './provider-loader.ts';
import { RefusedImport, refusalText } from './refusal.ts';
import { ReleaseStack } from './release.ts';
import { Scope } from './scope.ts';
import type { SessionValue } from './values.ts';
import { holdSession } from './verbs/device.ts';

/** What a worker says of a point; the agent adds what it saw of the kernel. */
export interface WorkerOutcome {
  readonly end: PointEnd;
  readonly steps: number;
  readonly calls?: readonly CallText[];
  readonly callCounts: Readonly<Record<string, number>>;
  readonly leftBehind?: readonly string[];
}

/** What the points of a worker share. */
export interface PointSupport {
  readonly log: CallLog;
  readonly commands: Pick<CommandIndex, 'find' | 'struct'>;
  readonly devices: ReadonlyMap<string, Device>;
  readonly providers: ReadonlyMap<string, Provider>;
  /** Starts processes for the steps; there when they start any. */
  readonly forks: ForkServer | undefined;
  entering(step: string): void;
}

const descriptors = new OpenDescriptors();

type Roles = Readonly<Record<string, { readonly device: Device; readonly provider: string }>>;

/** Runs one point from opening its devices to giving everything back. */
export function runPoint(
  point: WirePoint,
  wireCase: WireCase,
  support: PointSupport,
): WorkerOutcome {
  const before = descriptors.count();
  const release = new ReleaseStack(!makesUnseenObjects(wireCase.steps));
  const progress = { executed: 0 };
  support.log.clear();
  setCallLog(support.log);
  let end: PointEnd;
  try {
    end = walk(point, wireCase, support, release, progress);
  } catch (error) {
    end = endByError(error);
  }
  const notReleased = release.releaseTo(0).map(({ what, errno }) => `${what}: ${errnoName(errno)}`);
  setCallLog(undefined);
  const leftBehind = [...notReleased, ...release.left, ...descriptors.since(before)];
  return {
    end,
    steps: progress.executed,
    callCounts: Object.fromEntries(
      [...support.log.counts()].map(([name, { calls }]) => [name, calls]),
    ),
    ...(end.kind === 'done' ? {} : { calls: callTexts(support.log) }),
    ...(leftBehind.length === 0 ? {} : { leftBehind }),
  };
}

function endByError(error: unknown): PointEnd {
  if (error instanceof RefusedImport) {
    const { refusal } = error;
    return { kind: 'skipped', class: 'refused', reason: refusalText(refusal), refusal };
  }
  return {
    kind: 'defect',
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}

/**
 * Whether a step, or one inside another, can make objects that the release stack does not know: by a
 * raw call, or in another process that shares the session and may die with them.
 */
function makesUnseenObjects(steps: WireCase['steps']): boolean {
  let answer = unseen.get(steps);
  answer ??= someStep(steps, (step) => UNSEEN.some((verb) => verb in step));
  unseen.set(steps, answer);
  return answer;
}

const UNSEEN = ['ioctl', 'process', 'removeDevice'];

/** By the steps of a case, which has many points. */
const unseen = new WeakMap<WireCase['steps'], boolean>();

function walk(
  point: WirePoint,
  wireCase: WireCase,
  support: PointSupport,
  release: ReleaseStack,
  progress: { executed: number },
): PointEnd {
  const roles = rolesOf(point, wireCase, support);
  const opened = openRoles(roles, support.providers, release);
  if (!opened.ok) return cannotOpen(opened);
  const scope = new Scope();
  for (const [name, value] of Object.entries(point.parameters)) scope.set(name, value);
  for (const [name, value] of opened.value) scope.set(name, value);
  const around = {
    release,
    sessions: opened.value,
    command: (name: string) => support.commands.find(name),
    struct: (tag: string) => support.commands.struct(tag),
    process: { roles, parameters: point.parameters, forks: support.forks },
    executed: 0,
    entering: support.entering,
  };
  const failure = runSteps(wireCase.steps as readonly Step[], scope, around);
  progress.executed = around.executed;
  if (failure === undefined) return { kind: 'done' };
  return { kind: 'failed', failure: { ...failure, ...lastStruct(support.log) } };
}

function rolesOf(point: WirePoint, wireCase: WireCase, support: PointSupport): Roles {
  return Object.fromEntries(
    wireCase.roles.map((role) => {
      const address = point.devices[role] ?? '';
      const device = support.devices.get(address);
      if (device === undefined)
        throw new Error(`${address} of role ${role} was not discovered here`);
      return [role, { device, provider: providerOf(address) }];
    }),
  );
}

/** A session for each role; two roles on one device have two sessions. */
export function openRoles(
  roles: Roles,
  providers: ReadonlyMap<string, Provider>,
  release: ReleaseStack,
): Outcome<ReadonlyMap<string, SessionValue>> {
  const sessions = new Map<string, SessionValue>();
  for (const [role, { device, provider: name }] of Object.entries(roles)) {
    const provider = providers.get(name);
    if (provider === undefined) throw new Error(`the provider ${name} was not loaded here`);
    const opened = provider.open(device, {});
    if (!opened.ok) return opened;
    const value: SessionValue = {
      kind: 'session',
      device,
      provider,
      session: opened.value,
      closed: false,
    };
    sessions.set(role, holdSession({ release }, value));
  }
  return { ok: true, value: sessions };
}

const SKIPPING_ERRNOS: Readonly<Record<number, SkipClass>> = {
  [E.EACCES]: 'no-privilege',
  [E.EPERM]: 'no-privilege',
  [E.ENOENT]: 'no-node',
  [E.ENXIO]: 'no-node',
  [E.ENODEV]: 'no-device',
};

/** A device that cannot be opened is a skip where the reason is not the driver's doing. */
function cannotOpen(refusal: { readonly errno: number; readonly call: string }): PointEnd {
  const reason = `${refusal.call}: ${errnoName(refusal.errno)}`;
  const skipClass = SKIPPING_ERRNOS[refusal.errno];
  if (skipClass !== undefined) return { kind: 'skipped', class: skipClass, reason };
  const failure: StepFailure = {
    step: '0',
    action: 'open the device',
    expected: 'success',
    actual: reason,
  };
  return { kind: 'failed', failure };
}
