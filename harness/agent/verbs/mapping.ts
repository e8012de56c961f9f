import type { MapPlan, Outcome } from '../../../providers/contract.ts';
import { type Access, protection } from '../../../uapi/access.ts';
import {
  F_ADD_SEALS,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  MADV_COLLAPSE,
  MADV_DONTNEED,
  MADV_REMOVE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_NONE,
  SEEK_END,
} from '../../../uapi/constants.ts';
import { Mapping } from '../../../uapi/mapping.ts';
import { tryFcntl, tryFtruncate, tryLseek } from '../../../uapi/sys-file.ts';
import {
  tryMadvise,
  tryMemfdCreate,
  tryMmap,
  tryMremap,
  tryMunmap,
  wholePages,
} from '../../../uapi/sys-memory.ts';
import { CaseDefect, descriptorOf, type RdmaValue, type Scalar, type Value } from '../values.ts';
import {
  type Arguments,
  finished,
  gave,
  gaveFields,
  type PointContext,
  provided,
  refused,
  type VerbResult,
} from '../verb.ts';
import { accessOf, holdDescriptor } from './device.ts';
import { verbsFor } from './rdma-held.ts';
import { fieldOf } from './rdma-memory.ts';

/** Verbs on CPU memory: host memory, mappings, and what may be done to them. */

const SEALS = {
  shrink: F_SEAL_SHRINK,
  grow: F_SEAL_GROW,
  write: F_SEAL_WRITE,
  'future-write': F_SEAL_FUTURE_WRITE,
  seal: F_SEAL_SEAL,
} as const;

export function memory(args: Arguments<'memory'>, context: PointContext): VerbResult {
  const made = tryMemfdCreate('uapi-conform', MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (made.errno !== 0) return refused({ errno: made.errno, call: 'memfd_create' });
  const value = holdDescriptor(context, 'memory', made.ret);
  const grown = tryFtruncate(value.fd, context.scope.size(args.size));
  if (grown.errno !== 0) return refused({ errno: grown.errno, call: 'ftruncate' });
  const seals = (args.seals ?? ['shrink']).reduce((bits, seal) => bits | SEALS[seal], 0);
  const sealed = tryFcntl(value.fd, F_ADD_SEALS, seals);
  return sealed.errno === 0 ? gave(value) : refused({ errno: sealed.errno, call: 'F_ADD_SEALS' });
}

export function map(args: Arguments<'map'>, context: PointContext): VerbResult {
  const place = placeOf(args, context);
  if (!place.ok) return refused(place);
  const access: Access = args.access === undefined ? 'read-write' : accessOf(context, args.access);
  const { fd, offset, length, flags } = place.value;
  const sharing = args.private === true ? MAP_PRIVATE : MAP_SHARED;
  const request = { fd, offset, length, prot: protection(access), flags: flags | sharing };
  const mapped = Mapping.tryMap(request);
  if (!mapped.ok) return refused({ errno: mapped.errno, call: 'mmap' });
  const mapping = mapped.value;
  context.release.push(`mapping of ${mapping.length} bytes`, () => mapping.unmap().errno);
  return gave({ kind: 'mapping', mapping });
}

/** Which bytes of which file, and what else mmap(2) is to know of it. */
interface Place extends MapPlan {
  readonly length: number;
  readonly flags: number;
}

function placeOf(args: Arguments<'map'>, context: PointContext): Outcome<Place> {
  const { scope } = context;
  const length = args.length === undefined ? undefined : scope.size(args.length);
  if (args.what === undefined) {
    if (length === undefined) throw new CaseDefect(`memory of no file has a 'length'`);
    // Nobody has touched it.
    return {
      ok: true,
      value: { fd: -1, offset: 0n, length: Number(length), flags: MAP_ANONYMOUS },
    };
  }
  const what = scope.resolve(args.what);
  const plan = planOf(what, context);
  if (!plan.ok) return plan;
  const { fd, offset } = plan.value;
  const value = {
    fd,
    offset: offset + scope.size(args.offset ?? 0),
    length: Number(length ?? sizeOf(what)),
    flags: 0,
  };
  return { ok: true, value };
}

/** A buffer, or memory of the device, is mapped where its driver says; all else at the start of its file. */
function planOf(what: Value | Scalar, context: PointContext): Outcome<MapPlan> {
  if (typeof what === 'object' && what.kind === 'buffer') {
    const session = context.on ?? what.owner;
    return provided(session.session.map, 'map', session)(what.buffer);
  }
  if (isDm(what)) return verbsFor(what, context).placeOfDm(what.object);
  return { ok: true, value: { fd: descriptorOf(what), offset: 0n } };
}

function isDm(what: Value | Scalar): what is RdmaValue {
  return typeof what === 'object' && what.kind === 'rdma' && what.object.kind === 'dm';
}

/** All pages of it: it may begin behind the start of the first. */
function mappedBytes(dm: RdmaValue): bigint {
  return wholePages(fieldOf(dm, 'start') + fieldOf(dm, 'length'));
}

function sizeOf(what: Value | Scalar): bigint {
  if (typeof what === 'object' && what.kind === 'buffer') return what.buffer.size;
  if (isDm(what)) return mappedBytes(what);
  const { ret, errno } = tryLseek(descriptorOf(what), 0, SEEK_END);
  if (errno !== 0) throw new CaseDefect('map needs a length here: the descriptor has no size');
  return BigInt(ret);
}

export function unmap(args: Arguments<'unmap'>, context: PointContext): VerbResult {
  const { mapping } = context.scope.value(args.mapping, 'mapping');
  if (args.length === undefined) return finished(mapping.unmap(), 'munmap');
  return unmapPart(mapping, context.scope.size(args.offset ?? 0), context.scope.size(args.length));
}

/**
 * Puts memory that nobody can touch over a part, which takes that part from the driver as munmap(2)
 * does, but leaves no hole that another mapping of this process could fall into.
 */
function unmapPart(mapping: Mapping, offset: bigint, length: bigint): VerbResult {
  if (offset + length > BigInt(mapping.length)) throw new CaseDefect('unmap beyond the mapping');
  return keepFree(mapping.address + offset, length);
}

function keepFree(address: bigint, length: bigint): VerbResult {
  const { errno } = tryMmap({
    address,
    length,
    fd: -1,
    prot: PROT_NONE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
  });
  return finished({ errno }, 'mmap MAP_FIXED over the part');
}

/**
 * mremap(2) of all pages to where another mapping was, which is that memory from then on. At the old
 * place stays memory that nobody can touch.
 */
export function move(args: Arguments<'move'>, context: PointContext): VerbResult {
  const { mapping } = context.scope.value(args.mapping, 'mapping');
  const { mapping: over } = context.scope.value(args.over, 'mapping');
  if (mapping.length !== over.length) throw new CaseDefect('both mappings of a move are as long');
  const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
  const { errno } = tryMremap(mapping.address, mapping.length, over.length, flags, over.address);
  if (errno !== 0) return refused({ errno, call: 'mremap' });
  return keepFree(mapping.address, BigInt(mapping.length));
}

const ADVICE = {
  'dont-need': MADV_DONTNEED,
  remove: MADV_REMOVE,
  collapse: MADV_COLLAPSE,
} as const;

/** madvise(2) */
export function advise(args: Arguments<'advise'>, context: PointContext): VerbResult {
  const { scope } = context;
  const { mapping } = scope.value(args.mapping, 'mapping');
  const offset = scope.size(args.offset ?? 0);
  const length =
    args.length === undefined ? BigInt(mapping.length) - offset : scope.size(args.length);
  if (offset + length > BigInt(mapping.length)) throw new CaseDefect('advice beyond the mapping');
  const done = tryMadvise(mapping.address + offset, length, ADVICE[args.advice]);
  return finished(done, 'madvise');
}

/** mremap(2) that may move. Success leaves the old mapping object behind, which nobody may use. */
export function remap(args: Arguments<'remap'>, context: PointContext): VerbResult {
  const { mapping } = context.scope.value(args.mapping, 'mapping');
  const length = context.scope.size(args.length);
  const { address, errno } = tryMremap(mapping.address, mapping.length, length);
  if (errno !== 0) return refused({ errno, call: 'mremap' });
  context.release.push(`moved mapping of ${length} bytes`, () => tryMunmap(address, length).errno);
  return gaveFields({ length });
}

export function protect(args: Arguments<'protect'>, context: PointContext): VerbResult {
  const { mapping } = context.scope.value(args.mapping, 'mapping');
  return finished(mapping.protect(protection(accessOf(context, args.access))), 'mprotect');
}
