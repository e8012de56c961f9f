import { E, type Errno } from '../../../uapi/errno.ts';
import type { SendOpcode, SendRequest, Sge } from '../driver.ts';
import type { WorkRing } from '../work-ring.ts';
import { packed } from './bits.ts';
import type { Doorbell } from './doorbell.ts';
import { BLOCK_BYTES, MOST_BLOCKS, OPCODE, SGE, SQE, SQE_HEADER } from './formats.ts';

const OPCODES: ReadonlyMap<SendOpcode, number> = new Map([
  ['send', OPCODE.send],
  ['send-immediate', OPCODE.sendImmediate],
  ['send-invalidate', OPCODE.sendInvalidate],
  ['rdma-write', OPCODE.write],
  ['rdma-write-immediate', OPCODE.writeImmediate],
  ['rdma-read', OPCODE.read],
  ['compare-swap', OPCODE.compareSwap],
  ['fetch-add', OPCODE.fetchAdd],
]);

/** What the queues have a code for. */
export const ERDMA_JOBS: ReadonlySet<SendOpcode> = new Set(OPCODES.keys());

const ONE_PIECE: readonly SendOpcode[] = ['rdma-read', 'compare-swap', 'fetch-add'];

/** What a send queue was made for. */
export interface SendLimits {
  readonly qpn: number;
  readonly maxSge: number;
  /** Bytes. */
  readonly inline: number;
  readonly signalAll: boolean;
}

/** @returns 0, EINVAL for what has no encoding, ENOMEM while there is no room */
export function postSend(ring: WorkRing, request: SendRequest, limits: SendLimits): Errno {
  if (!isEncodable(request, limits)) return E.EINVAL;
  const sqe = encodeSend(request, limits, ring.produced);
  if (sqe.length / BLOCK_BYTES > ring.free) return E.ENOMEM;
  ring.put(request.id, sqe);
  return 0;
}

/** Source: erdma_qp.c, kick_sq_db() */
export function ringSend(ring: WorkRing, doorbell: Doorbell, qpn: number): void {
  doorbell.ring(packed(SQE_HEADER, { qpn, index: ring.produced }));
}

function isEncodable({ opcode, sges, inline }: SendRequest, limits: SendLimits): boolean {
  if (!OPCODES.has(opcode)) return false;
  const takesOne = ONE_PIECE.includes(opcode);
  if (inline !== undefined) return !takesOne && inline.length <= limits.inline;
  return takesOne ? sges.length === 1 : sges.length <= limits.maxSge;
}

/**
 * A send, in whole blocks.
 * Source: erdma_qp.c, erdma_push_one_sqe()
 *
 * @param index of its first block
 */
export function encodeSend(request: SendRequest, limits: SendLimits, index: number): Buffer {
  const { opcode, sges, inline } = request;
  const sqe = Buffer.alloc(MOST_BLOCKS * BLOCK_BYTES);
  const used = writeBody(sqe, request);
  const blocks = Math.ceil(used / BLOCK_BYTES);
  const header = packed(SQE_HEADER, {
    index: index + blocks,
    signaled: request.signaled === true || limits.signalAll,
    solicited: request.solicited === true,
    fence: request.fence === true,
    inline: inline !== undefined,
    opcode: OPCODES.get(opcode) ?? 0,
    qpn: limits.qpn,
    blocks: blocks - 1,
    // What takes one piece has it in a field of its own.
    count: ONE_PIECE.includes(opcode) ? 0 : (inline?.length ?? sges.length),
  });
  sqe.writeBigUInt64LE(header, 0);
  return sqe.subarray(0, blocks * BLOCK_BYTES);
}

/** @returns where it ends */
function writeBody(sqe: Buffer, request: SendRequest): number {
  const { opcode, sges, immediate, invalidateRkey } = request;
  const length = request.inline?.length ?? sges.reduce((sum, sge) => sum + sge.length, 0);
  switch (opcode) {
    case 'rdma-read':
      return writeRead(sqe, request);
    case 'compare-swap':
    case 'fetch-add':
      return writeAtomic(sqe, request);
    case 'send-invalidate':
      sqe.writeUInt32LE((invalidateRkey ?? 0) >>> 0, SQE.extra);
      break;
    default:
      sqe.writeUInt32BE((immediate ?? 0) >>> 0, SQE.extra);
  }
  sqe.writeUInt32LE(length >>> 0, SQE.length);
  if (opcode === 'rdma-write' || opcode === 'rdma-write-immediate') {
    sqe.writeUInt32LE((request.rkey ?? 0) >>> 0, SQE.sinkKey);
    sqe.writeBigUInt64LE(BigInt.asUintN(64, request.remoteAddress ?? 0n), SQE.sinkAddress);
    return writeData(sqe, SQE.writeData, request);
  }
  return writeData(sqe, SQE.sendData, request);
}

/** A read has its near end where a write has the far one. */
function writeRead(sqe: Buffer, { sges, remoteAddress = 0n, rkey = 0 }: SendRequest): number {
  const [near] = sges;
  if (near === undefined) return SQE.readSource;
  sqe.writeUInt32LE(near.length >>> 0, SQE.length);
  sqe.writeUInt32LE(near.lkey >>> 0, SQE.sinkKey);
  sqe.writeBigUInt64LE(BigInt.asUintN(64, near.address), SQE.sinkAddress);
  const far = { address: remoteAddress, length: near.length, lkey: rkey };
  return writeSges(sqe, SQE.readSource, [far]);
}

function writeAtomic(sqe: Buffer, request: SendRequest): number {
  const { opcode, sges, compareAdd = 0n, swap = 0n, remoteAddress = 0n, rkey = 0 } = request;
  const isSwap = opcode === 'compare-swap';
  sqe.writeBigUInt64LE(BigInt.asUintN(64, isSwap ? swap : compareAdd), SQE.operand);
  if (isSwap) sqe.writeBigUInt64LE(BigInt.asUintN(64, compareAdd), SQE.compare);
  writeSges(sqe, SQE.atomicRemote, [{ address: remoteAddress, length: 0, lkey: rkey }]);
  return writeSges(sqe, SQE.atomicLocal, sges);
}

function writeData(sqe: Buffer, start: number, { inline, sges }: SendRequest): number {
  if (inline === undefined) return writeSges(sqe, start, sges);
  sqe.set(inline, start);
  return start + inline.length;
}

function writeSges(sqe: Buffer, start: number, sges: readonly Sge[]): number {
  let at = start;
  for (const { address, length, lkey } of sges) {
    sqe.writeBigUInt64LE(BigInt.asUintN(64, address), at + SGE.address);
    sqe.writeUInt32LE(length >>> 0, at + SGE.length);
    sqe.writeUInt32LE(lkey >>> 0, at + SGE.key);
    at += SGE.size;
  }
  return at;
}
