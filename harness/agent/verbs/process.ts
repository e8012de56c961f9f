import { callLog, setCallLog } from '../../../uapi/call-log.ts';
import { tryClose } from '../../../uapi/sys.ts';
import { becomeOrdinary, setLimit } from '../../../uapi/sys-credentials.ts';
import { currentPid, fork } from '../../../uapi/sys-fork.ts';
import { dieWithParent } from '../../../uapi/sys-parent.ts';
import { recvFds, socketpair } from '../../../uapi/sys-socket.ts';
import type { PeerFiles } from '../fork-server.ts';
import { liveAsPeer, PeerProcess } from '../peer-process.ts';
import { type HandedValue, type PeerOrder, type PeerOutput, packFields } from '../peer-protocol.ts';
import { giveBack } from '../peer-values.ts';
import { Scope } from '../scope.ts';
import {
  CaseDefect,
  descriptorOf,
  fieldsOf,
  isSameFile,
  kindOf,
  type RdmaValue,
} from '../values.ts';
import { type Arguments, gaveFields, type PointContext, type VerbResult } from '../verb.ts';
import { keepInBackground, surviveInterrupts } from './background.ts';
import { holdDescriptor } from './device.ts';
import { judgeEnd, noteDestroyed } from './peer-end.ts';

const MAX_FDS = 64;

/**
 * Runs steps in another process. Everything is synchronous: what comes back waits in a socket until
 * the process is gone.
 */
export function process(args: Arguments<'process'>, context: PointContext): VerbResult {
  const { steps, ends = 'exit', background = false } = args;
  // What it takes to have another process is no call of the case.
  const log = callLog();
  setCallLog(undefined);
  const [near, far] = socketpair();
  try {
    if (background) surviveInterrupts();
    const starter = args.fork === true ? forkHere : startApart;
    const peer = PeerProcess.start((output) => starter(args, { output, socket: far }, context));
    if (background) return keepInBackground(peer, { steps, ends }, context);
    const ended = peer.finish(false);
    noteDestroyed(ended.output, context.scope);
    return judgeEnd({ steps, ends }, ended, context) ?? receive(ended.output, near, context);
  } finally {
    tryClose(far);
    tryClose(near);
    setCallLog(log);
  }
}

type Files = Omit<PeerFiles, 'handed'>;

/** A process that has nothing of this one but what is passed to it, and sessions of its own. */
function startApart(args: Arguments<'process'>, files: Files, context: PointContext): number {
  const { pass = [], ends = 'exit' } = args;
  const { forks, ...around } = context.process;
  if (forks === undefined) throw new CaseDefect('nobody said that the steps start processes');
  const handed = pass.map((reference) => handOver(reference, pass, context));
  const values = withPlaces(handed);
  const order: PeerOrder = { ...around, steps: args.steps, give: args.give ?? [], values };
  return forks.start(order, ends, { ...files, handed: handed.flatMap(({ fd }) => fd ?? []) });
}

/** A process that has all of this one: its descriptors, its memory and its mappings. */
function forkHere(args: Arguments<'process'>, files: Files, context: PointContext): number {
  const parent = currentPid();
  const pid = fork();
  if (pid > 0) return pid;
  const { steps, give = [], ends = 'exit' } = args;
  return liveAsPeer({ output: files.output, parent, ends }, (entering) => {
    restrict(args, parent, context.scope);
    const scope = new Scope(context.scope);
    const failure = context.runApart(steps, scope, entering);
    const destroyed = context.scope.destroyed();
    if (failure !== undefined) return { failure, destroyed };
    return { destroyed, given: giveBack(give, scope, files.socket) };
  });
}

function restrict(args: Arguments<'process'>, parent: number, scope: Scope): void {
  const { memlock, openFiles } = args.limits ?? {};
  if (memlock !== undefined) setLimit('memlock', scope.size(memlock));
  if (args.unprivileged === true) {
    becomeOrdinary();
    // The kernel forgets this with the change of user.
    dieWithParent(parent);
  }
  // Last, since it may leave no room for what comes before.
  if (openFiles !== undefined) setLimit('openFiles', scope.size(openFiles));
}

interface Handed {
  readonly value: HandedValue;
  readonly fd?: number;
}

/** Descriptors come along in the order in which they are handed over. */
function withPlaces(handed: readonly Handed[]): PeerOrder['values'] {
  let place = 0;
  return handed.map(({ value, fd }) => (fd === undefined ? value : { ...value, place: place++ }));
}

function handOver(reference: string, pass: readonly string[], { scope }: PointContext): Handed {
  const value = scope.resolve(reference);
  const name = nameOf(reference);
  if (typeof value !== 'object' || value.kind === 'buffer') {
    throw new CaseDefect(
      `${reference} is no descriptor to hand over; of a buffer, pass its dma-buf`,
    );
  }
  switch (value.kind) {
    case 'session': {
      const { device, provider } = value;
      const handed: HandedValue = { name, kind: 'session', device, provider: provider.name };
      return { value: handed, fd: descriptorOf(value) };
    }
    case 'rdma':
      return handOverObject(name, value, sessionFor(value, pass, scope));
    case 'job':
      return { value: { name, kind: 'sync-file' }, fd: descriptorOf(value) };
    case 'dmabuf':
    case 'sync-file':
    case 'memory':
      return { value: { name, kind: value.kind }, fd: descriptorOf(value) };
    case 'descriptor':
    case 'mapping':
    case 'fence':
    case 'record':
    case 'process':
      return { value: { name, kind: 'descriptor' }, fd: descriptorOf(value) };
  }
}

/** A completion channel is a descriptor; everything else is a number in the file of its session. */
function handOverObject(name: string, value: RdmaValue, session: string): Handed {
  const { kind, handle, fields } = value.life.newest;
  const handed: HandedValue = {
    name,
    kind: 'rdma',
    objectKind: kind,
    handle,
    fields: packFields(fields),
    session,
  };
  const { fd } = fieldsOf(value);
  return typeof fd === 'number' ? { value: handed, fd } : { value: handed };
}

/** The session among those that are handed over which has the object. */
function sessionFor(value: RdmaValue, pass: readonly string[], scope: Scope): string {
  const session = pass.find((reference) => {
    const other = scope.resolve(reference);
    return typeof other === 'object' && other.kind === 'session' && isSameFile(other, value.owner);
  });
  if (session !== undefined) return nameOf(session);
  const mend = `{ "dup": { "what": "$device" }, "as": "shared" }, then pass "$shared" as well`;
  throw new CaseDefect(`a ${kindOf(value)} goes with a duplicate of its session: ${mend}`);
}

function nameOf(reference: string): string {
  return reference.replace(/^\$/, '');
}

/** What the other process gave back, under the names that it gave. */
function receive(output: PeerOutput, socket: number, context: PointContext): VerbResult {
  const given = output.report?.given ?? [];
  if (given.length === 0) return gaveFields();
  const { fds } = recvFds(socket, 1, MAX_FDS);
  for (const [index, { name, kind }] of given.entries()) {
    const fd = fds[index];
    if (fd === undefined) throw new CaseDefect(`${name} did not come back from the other process`);
    context.scope.set(name, holdDescriptor(context, kind, fd));
  }
  return gaveFields();
}
