import type { Completion } from '../driver.ts';
import { fieldOf } from './bits.ts';
import { CQE, CQE_HEADER, OPCODE, SEND_QUEUE } from './formats.ts';

/** Entries of a completion queue. */

/** By enum erdma_wc_status: in words of verbs, and enum erdma_vendor_err. Source: erdma_cq.c, map_cqe_status */
const STATUS: readonly (readonly [word: string, vendorError: number])[] = [
  ['success', 0],
  ['general-error', 0],
  ['general-error', 0x01],
  ['remote-access-error', 0x02],
  ['remote-access-error', 0x03],
  ['remote-access-error', 0x04],
  ['remote-access-error', 0x05],
  ['remote-access-error', 0x06],
  ['local-qp-operation-error', 0x20],
  ['general-error', 0x21],
  ['local-access-error', 0x30],
  ['local-access-error', 0x31],
  ['local-access-error', 0x32],
  ['local-access-error', 0x33],
  ['local-access-error', 0x34],
  ['flushed', 0],
  ['retry-exceeded', 0],
];

/** Source: erdma_cq.c, wc_mapping_table */
const OPCODES: Readonly<Record<number, string>> = {
  [OPCODE.write]: 'rdma-write',
  [OPCODE.writeImmediate]: 'rdma-write',
  [OPCODE.read]: 'rdma-read',
  [OPCODE.send]: 'send',
  [OPCODE.sendImmediate]: 'send',
  [OPCODE.sendInvalidate]: 'send',
  [OPCODE.compareSwap]: 'compare-swap',
  [OPCODE.fetchAdd]: 'fetch-add',
  [OPCODE.receive]: 'receive',
  [OPCODE.receiveInvalidate]: 'receive',
  [OPCODE.receiveSendImmediate]: 'receive',
  [OPCODE.receiveWriteImmediate]: 'receive-rdma-immediate',
};

/**
 * Whether an entry is one that the device wrote in this round: its owner bit turns each time.
 * Source: erdma_cq.c, get_next_valid_cqe()
 *
 * @param firstWord as it lies in memory, read little-endian
 * @param round from 0
 */
export function isNew(firstWord: number, round: number): boolean {
  // The header is big-endian, so its highest bit is that of the first byte.
  return ((firstWord >>> 7) & 1) !== round % 2;
}

/** Which request an entry completes. */
export function requestOf(cqe: Buffer) {
  return {
    qpn: cqe.readUInt32BE(CQE.qpn),
    isSend: fieldOf(CQE_HEADER, 'queue', cqe.readUInt32BE(CQE.header)) === SEND_QUEUE,
    index: cqe.readUInt32BE(CQE.index) & 0xffff,
  };
}

/** @param id the request, as it was posted */
export function decodeCompletion(cqe: Buffer, id: bigint): Completion {
  const header = cqe.readUInt32BE(CQE.header);
  const opcode = fieldOf(CQE_HEADER, 'opcode', header);
  const syndrome = fieldOf(CQE_HEADER, 'syndrome', header);
  const [status, vendorError] = STATUS[syndrome] ?? ['general-error', 0];
  const hasImmediate =
    opcode === OPCODE.receiveWriteImmediate || opcode === OPCODE.receiveSendImmediate;
  return {
    id,
    status,
    opcode: syndrome === 0 ? (OPCODES[opcode] ?? `opcode ${opcode}`) : '',
    length: cqe.readUInt32BE(CQE.length),
    qpn: cqe.readUInt32BE(CQE.qpn),
    sourceQpn: 0,
    immediate: hasImmediate ? cqe.readUInt32LE(CQE.extra) : 0,
    invalidatedRkey: opcode === OPCODE.receiveInvalidate ? cqe.readUInt32BE(CQE.extra) : 0,
    hasImmediate,
    hasGrh: false,
    vendorError,
  };
}
