import { someStep } from '../some-step.ts';
import type { ForkServer, PeerSupport } from './fork-server.ts';
import { runSteps } from './interpreter.ts';
import type { PeerOrder, PeerReport, Removal } from './peer-protocol.ts';
import { giveBack, takeOver } from './peer-values.ts';
import { openRoles } from './point.ts';
import { ReleaseStack } from './release.ts';
import { Scope } from './scope.ts';

/** What the process that a `process` step starts does. */

interface PeerSurroundings {
  readonly support: PeerSupport;
  /** Descriptors of the order's values, by place. */
  readonly handed: readonly number[];
  /** Descriptors that go back are sent here. */
  readonly socket: number;
  /** Starts its own processes, where its steps say so. */
  readonly forks: ForkServer | undefined;
  entering(step: string): void;
}

/** Runs an order's steps with sessions of its own, and gives descriptors back. */
export function carryOut(order: PeerOrder, around: PeerSurroundings): PeerReport {
  const { support } = around;
  const { providers } = support;
  if (order.removal !== undefined) return carryOutRemoval(order.removal, around);
  const release = new ReleaseStack();
  const scope = new Scope();
  for (const [name, value] of Object.entries(order.parameters)) scope.set(name, value);
  const passed = takeOver(order.values, { scope, release, providers, handed: around.handed });
  const opened = openRoles(order.roles, providers, release);
  if (!opened.ok) return { defect: `${opened.call} failed in the other process` };
  const failure = runSteps(order.steps, scope, {
    release,
    sessions: opened.value,
    command: (name) => support.commands.find(name),
    struct: (tag) => support.commands.struct(tag),
    process: { ...order, forks: around.forks },
    executed: 0,
    entering: around.entering,
  });
  const destroyed = passed.filter(({ life }) => life.destroyed).map(({ name }) => name);
  if (failure !== undefined) return { failure, destroyed };
  return { destroyed, given: giveBack(order.give, scope, around.socket) };
}

/** The only process that has nothing open is one of its own: a removal waits for all others. */
function carryOutRemoval(
  { device, provider, index }: Removal,
  around: PeerSurroundings,
): PeerReport {
  around.entering('1');
  const { plug } = around.support.providers.get(provider) ?? {};
  if (plug === undefined) return { defect: `${provider} removes no devices` };
  const removed = plug.remove(device, index);
  return removed.ok ? {} : { refused: { errno: removed.errno, call: removed.call } };
}

interface MayStart {
  readonly process?: { readonly fork?: boolean };
  readonly removeDevice?: unknown;
}

/** Whether a step, or one inside another, starts a process that shares nothing with its starter. */
export function startsPeers(steps: unknown): boolean {
  return someStep(steps, ({ process, removeDevice }: MayStart) => {
    return removeDevice !== undefined || (process !== undefined && process.fork !== true);
  });
}
