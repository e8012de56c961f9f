import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../../../uapi/project-root.ts';
import { tryClose } from '../../../uapi/sys.ts';
import { recvFds, socketpair } from '../../../uapi/sys-socket.ts';
import {
  type HandedValue,
  type PeerOrder,
  type PeerOutput,
  parseOutput,
} from '../peer-protocol.ts';
import { CaseDefect, descriptorOf } from '../values.ts';
import { type Arguments, gaveFields, type PointContext, type VerbResult } from '../verb.ts';
import { holdDescriptor } from './device.ts';

/** Standard streams come first, then the socket for what comes back, then what is handed over. */
const SOCKET_SLOT = 3;
const FIRST_HANDED_SLOT = 4;
const MAX_FDS = 64;

/**
 * Runs steps in another process. Everything is synchronous: the order goes in on standard input,
 * descriptors are inherited, and what comes back waits in a socket until the process is gone.
 */
export function process(args: Arguments<'process'>, context: PointContext): VerbResult {
  const handed = (args.pass ?? []).map((reference) => handOver(reference, context));
  const [near, far] = socketpair();
  const order: PeerOrder = {
    steps: args.steps,
    give: args.give ?? [],
    ends: args.ends ?? 'exit',
    values: handed.map(({ value }, index) => ({ ...value, slot: FIRST_HANDED_SLOT + index })),
    socket: SOCKET_SLOT,
    ...context.process,
  };
  try {
    const ended = spawnPeer(order, [far, ...handed.map(({ fd }) => fd)]);
    tryClose(far);
    return judgeEnd(args, ended, context) ?? receive(ended.output, near, context);
  } finally {
    tryClose(near);
  }
}

interface Ended {
  readonly how: string;
  readonly output: PeerOutput;
  readonly stderr: string;
}

function spawnPeer(order: PeerOrder, descriptors: readonly number[]): Ended {
  const entry = join(projectRoot(), 'build/harness/agent/peer.js');
  const { status, signal, stdout, stderr } = spawnSync(globalThis.process.execPath, [entry], {
    input: JSON.stringify(order),
    stdio: ['pipe', 'pipe', 'pipe', ...descriptors],
    maxBuffer: 1 << 20,
  });
  const how = signal ?? (status === 0 ? 'exit' : `exit ${status}`);
  return { how, output: parseOutput(stdout.toString()), stderr: stderr.toString() };
}

function handOver(reference: string, context: PointContext): { value: HandedValue; fd: number } {
  const value = context.scope.resolve(reference);
  const name = reference.replace(/^\$/, '');
  if (typeof value !== 'object' || value.kind === 'buffer') {
    throw new CaseDefect(
      `${reference} is no descriptor to hand over; of a buffer, pass its dma-buf`,
    );
  }
  const fd = descriptorOf(value);
  switch (value.kind) {
    case 'session':
      return {
        value: { name, kind: 'session', device: value.device, provider: value.provider.name },
        fd,
      };
    case 'dmabuf':
    case 'sync-file':
    case 'memory':
      return { value: { name, kind: value.kind }, fd };
    case 'descriptor':
    case 'mapping':
    case 'fence':
    case 'record':
      return { value: { name, kind: 'descriptor' }, fd };
  }
}

/** A fault counts only in the step that is there to provoke it: the last. */
function judgeEnd(
  args: Arguments<'process'>,
  ended: Ended,
  context: PointContext,
): VerbResult | undefined {
  const { entered, report } = ended.output;
  if (report?.defect !== undefined) throw new CaseDefect(`in the other process: ${report.defect}`);
  if (report?.failure !== undefined) return context.failInside(report.failure);
  const expected = args.ends ?? 'exit';
  const faulted = expected === 'SIGSEGV' || expected === 'SIGBUS';
  if (ended.how === expected && (!faulted || entered === String(args.steps.length)))
    return undefined;
  return {
    kind: 'mismatch',
    expected: `the other process ends by ${expected}${faulted ? ' in its last step' : ''}`,
    actual: `it ended by ${ended.how} in step ${entered}`,
    ...(ended.stderr === '' ? {} : { detail: ended.stderr.slice(-2000) }),
  };
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
