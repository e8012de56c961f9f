import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../../../uapi/project-root.ts';
import { tryClose } from '../../../uapi/sys.ts';
import { recvFds, socketpair } from '../../../uapi/sys-socket.ts';
import {
  type EndedPeer,
  type HandedValue,
  type PeerOrder,
  type PeerOutput,
  packFields,
  parseOutput,
} from '../peer-protocol.ts';
import type { Scope } from '../scope.ts';
import {
  CaseDefect,
  descriptorOf,
  fieldsOf,
  isSameFile,
  kindOf,
  type RdmaValue,
} from '../values.ts';
import { type Arguments, gaveFields, type PointContext, type VerbResult } from '../verb.ts';
import { startBackground } from './background.ts';
import { holdDescriptor } from './device.ts';
import { judgeEnd, noteDestroyed } from './peer-end.ts';

/** Standard streams come first, then the socket for what comes back, then what is handed over. */
const SOCKET_SLOT = 3;
const FIRST_HANDED_SLOT = 4;
const MAX_FDS = 64;

/**
 * Runs steps in another process. Everything is synchronous: the order goes in on standard input,
 * descriptors are inherited, and what comes back waits in a socket until the process is gone.
 */
export function process(args: Arguments<'process'>, context: PointContext): VerbResult {
  const pass = args.pass ?? [];
  const handed = pass.map((reference) => handOver(reference, pass, context));
  const handedFds = handed.flatMap(({ fd }) => fd ?? []);
  const [near, far] = socketpair();
  const order: PeerOrder = {
    steps: args.steps,
    give: args.give ?? [],
    ends: args.ends ?? 'exit',
    values: inSlots(handed),
    socket: SOCKET_SLOT,
    ...context.process,
  };
  try {
    if (args.background === true) return startBackground(order, [far, ...handedFds], context);
    const ended = spawnPeer(order, [far, ...handedFds]);
    noteDestroyed(ended.output, context.scope);
    return judgeEnd(order, ended, context) ?? receive(ended.output, near, context);
  } finally {
    tryClose(far);
    tryClose(near);
  }
}

/** The peer is told who starts it, so that it ends with this process. */
function spawnPeer(order: PeerOrder, descriptors: readonly number[]): EndedPeer {
  const { pid } = globalThis.process;
  const entry = join(projectRoot(), 'build/harness/agent/peer.js');
  const { status, signal, stdout, stderr } = spawnSync(
    globalThis.process.execPath,
    [entry, String(pid)],
    {
      input: JSON.stringify(order),
      stdio: ['pipe', 'pipe', 'pipe', ...descriptors],
      maxBuffer: 1 << 20,
    },
  );
  const how = signal ?? (status === 0 ? 'exit' : `exit ${status}`);
  return { how, output: parseOutput(stdout.toString()), stderr: stderr.toString() };
}

interface Handed {
  readonly value: HandedValue;
  readonly fd?: number;
}

/** Descriptors are inherited in the order in which they are handed over. */
function inSlots(handed: readonly Handed[]): PeerOrder['values'] {
  let slot = FIRST_HANDED_SLOT;
  return handed.map(({ value, fd }) => (fd === undefined ? value : { ...value, slot: slot++ }));
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
