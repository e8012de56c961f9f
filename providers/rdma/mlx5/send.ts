import { E, type Errno } from '../../../uapi/errno.ts';
import type { SendOpcode, SendRequest } from '../driver.ts';
import type { WorkRing } from '../work-ring.ts';
import { writeDatagram } from './datagram.ts';
import {
  ATOMIC,
  BLOCK_BYTES,
  CONTROL,
  CONTROL_FLAG,
  INLINE,
  OPCODE,
  PART_BYTES,
  REMOTE,
  SEGMENT,
} from './formats.ts';
import { type FramedRequest, framed, writeEthernet } from './frames.ts';
import { changedKey, MOST_WINDOW, writeKeyChange } from './key-change.ts';
import { isEncodable as arePiecesEncodable, writePieces } from './pieces.ts';

const OPCODES: ReadonlyMap<SendOpcode, number> = new Map([
  ['send', OPCODE.send],
  ['send-immediate', OPCODE.sendImmediate],
  ['send-invalidate', OPCODE.sendInvalidate],
  ['rdma-write', OPCODE.write],
  ['rdma-write-immediate', OPCODE.writeImmediate],
  ['rdma-read', OPCODE.read],
  ['compare-swap', OPCODE.compareSwap],
  ['fetch-add', OPCODE.fetchAdd],
  ['local-invalidate', OPCODE.keyChange],
  ['bind-mw', OPCODE.keyChange],
]);

/** What the queues have a code for. */
export const MLX5_JOBS: ReadonlySet<SendOpcode> = new Set(OPCODES.keys());

/** Types of QPs that send what is known here: whether they may is the device's to say. */
const SENDERS: readonly string[] = ['rc', 'uc', 'ud', 'xrc-ini', 'raw-packet'];

const KEY_CHANGES: readonly SendOpcode[] = ['local-invalidate', 'bind-mw'];
const ATOMICS: readonly SendOpcode[] = ['compare-swap', 'fetch-add'];
const HAS_REMOTE: readonly SendOpcode[] = [
  'rdma-write',
  'rdma-write-immediate',
  'rdma-read',
  ...ATOMICS,
];
const TAKES_INLINE: readonly SendOpcode[] = [
  'send',
  'send-immediate',
  'send-invalidate',
  'rdma-write',
  'rdma-write-immediate',
];

/** What a send queue was made for. */
export interface SendLimits {
  readonly type: string;
  readonly qpn: number;
  readonly maxSge: number;
  /** Bytes. */
  readonly inline: number;
  readonly signalAll: boolean;
  /** Of a frame: so many must stand in the request. */
  readonly headerBytes: number;
}

/** What a request is marked with in the ring: completions tell of all changes of keys alike. */
export function markOf(opcode: SendOpcode): number {
  return KEY_CHANGES.indexOf(opcode) + 1;
}

/** In words of verbs. */
export function keyChangeOf(mark: number): string {
  return KEY_CHANGES[mark - 1] ?? '';
}

/**
 * @param fence what the request before it left behind
 * @returns the request that went in; or EINVAL for what has no encoding, ENOMEM while there is no room
 */
export function postSend(
  ring: WorkRing,
  request: SendRequest,
  limits: SendLimits,
  fence: number,
): Buffer | Errno {
  if (!isEncodable(request, limits)) return E.EINVAL;
  const isFrame = limits.type === 'raw-packet';
  const whole = isFrame ? framed(request, limits.headerBytes) : request;
  if (whole === undefined) return E.EINVAL;
  const wqe = encodeSend(whole, limits, ring.produced, fence);
  if (wqe.length / BLOCK_BYTES > ring.free) return E.ENOMEM;
  ring.put(request.id, wqe, markOf(request.opcode));
  return wqe;
}

/** What comes after a change of a key must not overtake it. Source: wr.c, mlx5_ib_post_send() */
export function fenceAfter({ opcode }: SendRequest): number {
  return KEY_CHANGES.includes(opcode) ? CONTROL_FLAG.smallFence : 0;
}

function isEncodable(request: SendRequest, limits: SendLimits): boolean {
  const { opcode, sges, inline, ah, bind } = request;
  if (!SENDERS.includes(limits.type) || !OPCODES.has(opcode)) return false;
  if (limits.type === 'ud' && ah === undefined) return false;
  if (limits.type === 'raw-packet' && opcode !== 'send') return false;
  if (opcode === 'bind-mw') return bind !== undefined && bind.length <= MOST_WINDOW;
  if (inline !== undefined) return TAKES_INLINE.includes(opcode) && inline.length <= limits.inline;
  return arePiecesEncodable(sges, limits.maxSge);
}

/** As long as 6 bits count parts, in whole blocks. */
const MOST_BYTES = 1024;

/**
 * A send, in whole blocks.
 * Source: wr.c, mlx5_ib_post_send(), mlx5r_finish_wqe()
 *
 * @param index of its first block
 */
export function encodeSend(
  request: FramedRequest,
  limits: SendLimits,
  index: number,
  fence: number,
): Buffer {
  const wqe = Buffer.alloc(MOST_BYTES);
  const end = writeBody(wqe, request, limits);
  const parts = Math.ceil(end / PART_BYTES);
  const opcode = OPCODES.get(request.opcode) ?? 0;
  wqe.writeUInt32BE((((index & 0xffff) << 8) | opcode) >>> 0, CONTROL.index);
  wqe.writeUInt32BE(((limits.qpn << 8) | parts) >>> 0, CONTROL.parts);
  wqe.writeUInt8(flagsOf(request, limits, fence), CONTROL.flags);
  wqe.writeUInt32BE(extraOf(request) >>> 0, CONTROL.extra);
  return wqe.subarray(0, Math.ceil(end / BLOCK_BYTES) * BLOCK_BYTES);
}

function flagsOf(request: SendRequest, { signalAll }: SendLimits, fence: number): number {
  const completes = request.signaled === true || signalAll;
  return (
    (completes ? CONTROL_FLAG.completes : 0) |
    (request.solicited === true ? CONTROL_FLAG.solicited : 0) |
    (request.fence === true ? CONTROL_FLAG.fence : fence)
  );
}

function extraOf(request: SendRequest): number {
  if (KEY_CHANGES.includes(request.opcode)) return changedKey(request);
  if (request.opcode === 'send-invalidate') return request.invalidateRkey ?? 0;
  return request.immediate ?? 0;
}

const NO_HEADER = new Uint8Array(0);

/** @returns where it ends */
function writeBody(wqe: Buffer, request: FramedRequest, { type, qpn }: SendLimits): number {
  const { opcode } = request;
  if (KEY_CHANGES.includes(opcode)) return writeKeyChange(wqe, SEGMENT.control, request, qpn);
  let at: number = SEGMENT.control;
  if (type === 'ud') at = writeDatagram(wqe, at, request);
  if (type === 'raw-packet') at = writeEthernet(wqe, at, request.header ?? NO_HEADER);
  if (type === 'xrc-ini') {
    wqe.writeUInt32BE((request.remoteSrqn ?? 0) >>> 0, at);
    at += SEGMENT.xrc;
  }
  if (HAS_REMOTE.includes(opcode)) at = writeRemote(wqe, at, request);
  if (!ATOMICS.includes(opcode)) return writeData(wqe, at, request);
  return writePieces(wqe, writeAtomic(wqe, at, request), request.sges);
}

function writeRemote(wqe: Buffer, at: number, request: SendRequest): number {
  const { remoteAddress = 0n, rkey = 0 } = request;
  wqe.writeBigUInt64BE(BigInt.asUintN(64, remoteAddress), at + REMOTE.address);
  wqe.writeUInt32BE(rkey >>> 0, at + REMOTE.key);
  return at + SEGMENT.remote;
}

function writeAtomic(wqe: Buffer, at: number, request: SendRequest): number {
  const { opcode, compareAdd = 0n, swap = 0n } = request;
  const isSwap = opcode === 'compare-swap';
  wqe.writeBigUInt64BE(BigInt.asUintN(64, isSwap ? swap : compareAdd), at + ATOMIC.swapAdd);
  wqe.writeBigUInt64BE(BigInt.asUintN(64, isSwap ? compareAdd : 0n), at + ATOMIC.compare);
  return at + SEGMENT.atomic;
}

function writeData(wqe: Buffer, at: number, { inline, sges }: SendRequest): number {
  if (inline === undefined) return writePieces(wqe, at, sges);
  if (inline.length === 0) return at;
  wqe.writeUInt32BE((INLINE | inline.length) >>> 0, at);
  wqe.set(inline, at + SEGMENT.inline);
  return at + SEGMENT.inline + inline.length;
}
