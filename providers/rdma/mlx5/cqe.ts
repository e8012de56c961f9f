import type { Completion } from '../driver.ts';
import { CQE, CQE_KIND, OPCODE } from './formats.ts';

/** Entries of a completion queue. */

/** By MLX5_CQE_SYNDROME_*. Source: cq.c, mlx5_handle_error_cqe() */
const STATUS: Readonly<Record<number, string>> = {
  1: 'local-length-error',
  2: 'local-qp-operation-error',
  4: 'local-protection-error',
  5: 'flushed',
  6: 'mw-bind-error',
  16: 'bad-response-error',
  17: 'local-access-error',
  18: 'remote-invalid-request-error',
  19: 'remote-access-error',
  20: 'remote-operation-error',
  21: 'retry-exceeded',
  22: 'rnr-retry-exceeded',
  34: 'remote-aborted-error',
};

/** Source: cq.c, handle_good_req() */
const SENT: Readonly<Record<number, string>> = {
  [OPCODE.send]: 'send',
  [OPCODE.sendImmediate]: 'send',
  [OPCODE.sendInvalidate]: 'send',
  [OPCODE.write]: 'rdma-write',
  [OPCODE.writeImmediate]: 'rdma-write',
  [OPCODE.read]: 'rdma-read',
  [OPCODE.compareSwap]: 'compare-swap',
  [OPCODE.fetchAdd]: 'fetch-add',
};

const ATOMICS: readonly number[] = [OPCODE.compareSwap, OPCODE.fetchAdd];

/**
 * Whether an entry is one that the device wrote in this round: its owner bit turns each time.
 * Source: cq.c, get_sw_cqe()
 *
 * @param lastWord as it lies in memory, read little-endian
 * @param round from 0
 */
export function isNew(lastWord: number, round: number): boolean {
  // The kind is in the last byte.
  const kind = lastWord >>> 24;
  return kind >>> 4 !== CQE_KIND.invalid && (kind & 1) === round % 2;
}

/** What an entry is, and what it is of. */
export interface Entry {
  readonly kind: number;
  readonly qpn: number;
  /** The index; of receives, in the first version, the SRQ. */
  readonly queue: number;
  /** The slot that the request begins in. */
  readonly index: number;
}

export function entryOf(cqe: Buffer): Entry {
  return {
    kind: cqe.readUInt8(CQE.kind) >>> 4,
    qpn: cqe.readUInt32BE(CQE.qpn) & 0xffffff,
    queue: cqe.readUInt32BE(CQE.queue) & 0xffffff,
    index: cqe.readUInt16BE(CQE.index),
  };
}

export function isSend({ kind }: Entry): boolean {
  return kind === CQE_KIND.sent || kind === CQE_KIND.sendError;
}

export function isError({ kind }: Entry): boolean {
  return kind === CQE_KIND.sendError || kind === CQE_KIND.receiveError;
}

/**
 * @param id the request, as it was posted
 * @param keyChange what a change of a key was
 */
export function decodeCompletion(cqe: Buffer, id: bigint, keyChange: string): Completion {
  const entry = entryOf(cqe);
  const common = { ...NOTHING, id, qpn: entry.qpn };
  if (isError(entry)) {
    const status = STATUS[cqe.readUInt8(CQE.syndrome)] ?? 'general-error';
    return { ...common, status, vendorError: cqe.readUInt8(CQE.vendorError) };
  }
  return isSend(entry) ? sent(cqe, common, keyChange) : received(cqe, common, entry);
}

const NOTHING: Omit<Completion, 'id' | 'qpn'> = {
  status: 'success',
  opcode: '',
  length: 0,
  sourceQpn: 0,
  immediate: 0,
  invalidatedRkey: 0,
  hasImmediate: false,
  hasGrh: false,
  vendorError: 0,
};

/** Only what brings data has a length. */
function sent(cqe: Buffer, common: Completion, keyChange: string): Completion {
  const code = cqe.readUInt8(CQE.qpn);
  const opcode = code === OPCODE.keyChange ? keyChange : (SENT[code] ?? `opcode ${code}`);
  if (ATOMICS.includes(code)) return { ...common, opcode, length: 8 };
  if (code !== OPCODE.read) return { ...common, opcode };
  return { ...common, opcode, length: cqe.readUInt32BE(CQE.length) };
}

/** Of a frame: it has no sender that is a QP, and the number is that of one of the two queues of its QP. */
export function frameCompletion(completion: Completion, qpn: number): Completion {
  return { ...completion, qpn, sourceQpn: 0, hasGrh: false };
}

/** Source: cq.c, handle_responder() */
function received(cqe: Buffer, common: Completion, { kind }: Entry): Completion {
  const remote = cqe.readUInt32BE(CQE.remote);
  const isWrite = kind === CQE_KIND.receivedWriteImmediate;
  const hasImmediate = isWrite || kind === CQE_KIND.receivedSendImmediate;
  const extra = cqe.readUInt32BE(CQE.extra);
  return {
    ...common,
    opcode: isWrite ? 'receive-rdma-immediate' : 'receive',
    length: cqe.readUInt32BE(CQE.length),
    sourceQpn: remote & 0xffffff,
    hasGrh: ((remote >>> 28) & 3) !== 0,
    hasImmediate,
    immediate: hasImmediate ? extra : 0,
    invalidatedRkey: kind === CQE_KIND.receivedSendInvalidate ? extra : 0,
  };
}
