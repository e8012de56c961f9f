import type { Access, BufferObject, Outcome } from '../../../providers/contract.ts';
import { O_CLOEXEC, O_RDWR } from '../../../uapi/constants.ts';
import { tryClose, tryOpen } from '../../../uapi/sys.ts';
import { sessionGrowth, sessionNumbers } from '../session-growth.ts';
import {
  CaseDefect,
  type DescriptorValue,
  descriptorOf,
  type SessionValue,
  type Value,
} from '../values.ts';
import {
  type Arguments,
  fdOf,
  gave,
  gaveFields,
  type PointContext,
  provided,
  refused,
  type VerbResult,
} from '../verb.ts';

/** Verbs that go to the provider: sessions, buffers, sharing, software fences. */

export function accessOf(context: PointContext, access: string): Access {
  const value = context.scope.scalar(access);
  if (value === 'read' || value === 'write' || value === 'read-write') return value;
  throw new CaseDefect(`${String(value)} is no access: read, write, read-write`);
}

function flagOf(context: PointContext, flag: boolean | string): boolean {
  const value = context.scope.scalar(flag);
  if (typeof value === 'boolean') return value;
  throw new CaseDefect(`${String(value)} is neither true nor false`);
}

/** The access and close-on-exec of a step, where it names them. */
function sharing(
  context: PointContext,
  args: { readonly access?: string; readonly closeOnExec?: boolean | string },
): { access?: Access; closeOnExec?: boolean } {
  return {
    ...(args.access === undefined ? {} : { access: accessOf(context, args.access) }),
    ...(args.closeOnExec === undefined ? {} : { closeOnExec: flagOf(context, args.closeOnExec) }),
  };
}

export function open(args: Arguments<'open'>, context: PointContext): VerbResult {
  const { device, provider } = context.session;
  const { access, bare, node, ...flags } = args;
  if (bare === true) return openBare(node, context);
  if (node === 'container' || node === 'iommu') {
    throw new CaseDefect(`the node '${node}' is opened bare`);
  }
  const rest = { ...flags, ...(node === undefined ? {} : { node }) };
  const how = access === undefined ? rest : { ...rest, access: accessOf(context, access) };
  const outcome = provider.open(device, how);
  if (!outcome.ok) return refused(outcome);
  const value: SessionValue = {
    kind: 'session',
    device,
    provider,
    session: outcome.value,
    closed: false,
  };
  return gave(holdSession(context, value));
}

/** A session over a node as open(2) gives it: a uverbs file has no context yet. */
function openBare(name: Arguments<'open'>['node'], context: PointContext): VerbResult {
  const { device, provider } = context.session;
  const node = name === undefined ? device.node : (device.otherNodes[name] ?? device.node);
  const { ret, errno } = tryOpen(node, O_RDWR | O_CLOEXEC);
  if (errno !== 0) return refused({ errno, call: `open ${node}` });
  const session = provider.adopt(device, ret);
  return gave(holdSession(context, { ...context.session, session, closed: false }));
}

/** Enters a session into the release stack. */
export function holdSession(
  context: Pick<PointContext, 'release'>,
  value: SessionValue,
): SessionValue {
  const { release } = context;
  const numbers = () => sessionNumbers(value.device.node, value.session);
  const before = release.isComplete ? numbers() : new Map<string, number>();
  release.push(`session on ${value.device.address}`, () => {
    if (value.closed) return 0;
    release.stayed(sessionGrowth(before, numbers));
    value.closed = true;
    const closed = value.session.close();
    return closed.ok ? 0 : closed.errno;
  });
  return value;
}

/** Enters a descriptor into the release stack. */
export function holdDescriptor(
  context: Pick<PointContext, 'release'>,
  kind: DescriptorValue['kind'],
  fd: number,
): DescriptorValue {
  const value: DescriptorValue = { kind, fd, closed: false };
  context.release.push(`${kind} fd ${fd}`, () => {
    if (value.closed) return 0;
    value.closed = true;
    return tryClose(fd).errno;
  });
  return value;
}

export function close(args: Arguments<'close'>, context: PointContext): VerbResult {
  const value = context.scope.resolve(args.what);
  if (typeof value === 'object' && value.kind === 'session') {
    value.closed = true;
    const outcome = value.session.close();
    return outcome.ok ? gaveFields() : refused(outcome);
  }
  if (typeof value === 'object' && 'closed' in value) value.closed = true;
  if (typeof value === 'object' && value.kind === 'rdma') value.life.destroyed = true;
  const { errno } = tryClose(descriptorOf(value));
  return errno === 0 ? gaveFields() : refused({ errno, call: 'close' });
}

export function alloc(args: Arguments<'alloc'>, context: PointContext): VerbResult {
  const { session } = context.session;
  const verb = provided(session.alloc, 'alloc', context.session);
  return holdBuffer(
    context,
    verb({ size: context.scope.size(args.size), ...sharing(context, args) }),
  );
}

export function register(args: Arguments<'register'>, context: PointContext): VerbResult {
  const { scope, session } = context;
  const memory = scope.value(args.memory, 'memory', 'descriptor', 'dmabuf', 'sync-file');
  const verb = provided(session.session.register, 'register', session);
  const { closeOnExec } = sharing(context, args);
  const want = {
    memfd: memory.fd,
    offset: scope.size(args.offset ?? 0),
    size: scope.size(args.size ?? 'page'),
    ...(closeOnExec === undefined ? {} : { closeOnExec }),
  };
  return holdBuffer(context, verb(want));
}

function holdBuffer(context: PointContext, outcome: Outcome<BufferObject>): VerbResult {
  if (!outcome.ok) return refused(outcome);
  const owner = context.session;
  const value: Value = { kind: 'buffer', owner, buffer: outcome.value, freed: false };
  context.release.push(`buffer of ${owner.device.address}`, () => {
    // Closing a session frees its handles; a descriptor is the buffer itself and must be closed.
    if (value.freed || (owner.closed && value.buffer.fd === undefined)) return 0;
    value.freed = true;
    owner.session.free?.(value.buffer);
    return 0;
  });
  return gave(value);
}

export function free(args: Arguments<'free'>, context: PointContext): VerbResult {
  const value = context.scope.value(args.buffer, 'buffer');
  const owner = context.on ?? value.owner;
  const verb = provided(owner.session.free, 'free', owner);
  const outcome = verb(value.buffer);
  if (!outcome.ok) return refused(outcome);
  if (owner === value.owner) value.freed = true;
  return gaveFields();
}

export function exportDmabuf(args: Arguments<'export'>, context: PointContext): VerbResult {
  const { buffer } = args;
  const outcome = buffer === undefined ? pages(args, context) : whole(buffer, args, context);
  return outcome.ok ? gave(holdDescriptor(context, 'dmabuf', outcome.value)) : refused(outcome);
}

function whole(name: string, args: Arguments<'export'>, context: PointContext): Outcome<number> {
  const { buffer, owner } = context.scope.value(name, 'buffer');
  const session = context.on ?? owner;
  const verb = provided(session.session.exportDmabuf, 'exportDmabuf', session);
  return verb(buffer, sharing(context, args));
}

/** Of what the session's file has at an offset. */
function pages(args: Arguments<'export'>, { session, scope }: PointContext): Outcome<number> {
  const verbs = provided(session.session.verbs, 'verbs', session);
  return verbs.exportPages(scope.size(args.offset ?? 0));
}

export function importDmabuf(args: Arguments<'import'>, context: PointContext): VerbResult {
  const dmabuf = fdOf(args.dmabuf, context);
  const verb = provided(context.session.session.importDmabuf, 'importDmabuf', context.session);
  return holdBuffer(context, verb(dmabuf));
}

export function makeFence(args: Arguments<'makeFence'>, context: PointContext): VerbResult {
  const verb = provided(context.session.session.makeFence, 'makeFence', context.session);
  const outcome = verb(Number(context.scope.size(args.value)));
  return outcome.ok ? gave(holdDescriptor(context, 'sync-file', outcome.value)) : refused(outcome);
}

export function advance(args: Arguments<'advance'>, context: PointContext): VerbResult {
  const verb = provided(context.session.session.advance, 'advance', context.session);
  const outcome = verb(Number(context.scope.size(args.count)));
  return outcome.ok ? gaveFields() : refused(outcome);
}

export function attachFence(args: Arguments<'attachFence'>, context: PointContext): VerbResult {
  const { buffer, owner } = context.scope.value(args.buffer, 'buffer');
  const session = context.on ?? owner;
  const access = accessOf(context, args.access);
  if (access === 'read-write') throw new CaseDefect('a fence is for read or for write');
  const verb = provided(session.session.attachFence, 'attachFence', session);
  const outcome = verb(buffer, access);
  if (!outcome.ok) return refused(outcome);
  return gave({ kind: 'fence', owner: session, fence: outcome.value });
}

export function signalFence(args: Arguments<'signalFence'>, context: PointContext): VerbResult {
  const { fence, owner } = context.scope.value(args.fence, 'fence');
  const session = context.on ?? owner;
  const verb = provided(session.session.signalFence, 'signalFence', session);
  const outcome = verb(fence);
  return outcome.ok ? gaveFields() : refused(outcome);
}
