import { existsSync } from 'node:fs';
import type { Outcome } from '../../../providers/contract.ts';
import type { Plug } from '../../../providers/contract-plug.ts';
import { callLog, setCallLog } from '../../../uapi/call-log.ts';
import { isNetworkAdministrator } from '../../../uapi/privilege.ts';
import { tryClose } from '../../../uapi/sys.ts';
import { sleepMs } from '../../../uapi/sys-child.ts';
import { socketpair } from '../../../uapi/sys-socket.ts';
import { PeerProcess } from '../peer-process.ts';
import type { Removal } from '../peer-protocol.ts';
import { CaseDefect } from '../values.ts';
import {
  type Arguments,
  gaveFields,
  type PointContext,
  provided,
  refused,
  type VerbResult,
} from '../verb.ts';
import { keepInBackground } from './background.ts';
import { judgeEnd } from './peer-end.ts';

/** Verbs of whoever may take devices away, and switch their ports. The lane puts everything back. */

const LOOK_MS = 1;
const NO_STEPS = { ends: 'exit', steps: [] };

function plugOf({ session }: PointContext): Plug {
  return provided(session.provider.plug, 'plug', session);
}

function finishedBy(outcome: Outcome<undefined>): VerbResult {
  return outcome.ok ? gaveFields() : refused(outcome);
}

/**
 * A removal waits until nobody has the device open, this process least of all: so another one asks for
 * it, which has nothing open. A fork would have all that its parent has; it asks itself and is refused.
 */
export function removeDevice(args: Arguments<'removeDevice'>, context: PointContext): VerbResult {
  const { session, scope, process } = context;
  const plug = plugOf(context);
  const index = args.index === undefined ? undefined : Number(scope.size(args.index));
  if (process.forks?.isOurs !== true) {
    if (!isNetworkAdministrator()) return finishedBy(plug.remove(session.device, index));
    throw new CaseDefect('a fork has the device open, and would wait for itself');
  }
  const { device, provider } = session;
  const removal = { device, provider: provider.name, ...(index !== undefined && { index }) };
  const remover = startRemover(removal, context);
  if (args.background !== true) {
    return judgeEnd(NO_STEPS, remover.finish(false), context) ?? gaveFields();
  }
  while (existsSync(device.node) && remover.look() === undefined) sleepMs(LOOK_MS);
  return keepInBackground(remover, NO_STEPS, context, true);
}

function startRemover(removal: Removal, { process }: PointContext): PeerProcess {
  const { forks } = process;
  if (forks === undefined) throw new CaseDefect('nobody said that the steps start processes');
  const order = { steps: [], values: [], give: [], roles: {}, parameters: {}, removal };
  // What it takes to have another process is no call of the case.
  const log = callLog();
  setCallLog(undefined);
  const [near, far] = socketpair();
  try {
    return PeerProcess.start((output) =>
      forks.start(order, 'exit', { output, socket: far, handed: [] }),
    );
  } finally {
    tryClose(far);
    tryClose(near);
    setCallLog(log);
  }
}

export function addDevice(args: Arguments<'addDevice'>, context: PointContext): VerbResult {
  const plug = plugOf(context);
  const text = (value: string) => String(context.scope.scalar(value));
  const { called, driver, netdev } = args;
  const want = {
    ...(called !== undefined && { name: text(called) }),
    ...(driver !== undefined && { driver: text(driver) }),
    ...(netdev !== undefined && { netdev: text(netdev) }),
  };
  const added = plug.add(context.session.device, want);
  const { name } = want;
  if (added.ok) findAnew(context.session);
  if (added.ok && name !== undefined) {
    context.release.push(`device ${name}`, () => {
      const removed = plug.removeNamed?.(name);
      return removed?.ok === false ? removed.errno : 0;
    });
  }
  return finishedBy(added);
}

/** The device may have come back with another node. */
function findAnew(session: PointContext['session']): void {
  const { device, provider } = session;
  session.device = provider.find().find(({ address }) => address === device.address) ?? device;
}

export function setPort(args: Arguments<'setPort'>, context: PointContext): VerbResult {
  const { scope, session } = context;
  const { state, mtu } = args;
  const want = {
    ...(state !== undefined && { state }),
    ...(mtu !== undefined && { mtu: Number(scope.size(mtu)) }),
  };
  const setPort = provided(plugOf(context).setPort, 'setPort', session);
  return finishedBy(setPort(session.device, want));
}
