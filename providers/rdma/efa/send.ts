import { E, type Errno } from '../../../uapi/errno.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import {
  type Posted,
  postEach,
  type SendOpcode,
  type SendQueue,
  type SendRequest,
  type Sge,
} from '../driver.ts';
import type { Doorbell } from './device-page.ts';
import * as io from './io-defs.ts';
import type { RequestIds } from './request-ids.ts';
import { SEND_ENTRY_BYTES } from './sizes.ts';

const META = {
  request: io.efa_io_tx_meta_desc.field('req_id').offset,
  ctrl1: io.efa_io_tx_meta_desc.field('ctrl1').offset,
  ctrl2: io.efa_io_tx_meta_desc.field('ctrl2').offset,
  remoteQpn: io.efa_io_tx_meta_desc.field('dest_qp_num').offset,
  length: io.efa_io_tx_meta_desc.field('length').offset,
  immediate: io.efa_io_tx_meta_desc.field('immediate_data').offset,
  ah: io.efa_io_tx_meta_desc.field('ah').offset,
  qkey: io.efa_io_tx_meta_desc.field('qkey').offset,
};
const DATA = io.efa_io_tx_meta_desc.size;
const LOCAL = DATA + io.efa_io_remote_mem_addr.size;

const OPERATIONS: ReadonlyMap<SendOpcode, number> = new Map([
  ['send', io.EFA_IO_SEND],
  ['send-immediate', io.EFA_IO_SEND],
  ['rdma-read', io.EFA_IO_RDMA_READ],
  ['rdma-write', io.EFA_IO_RDMA_WRITE],
  ['rdma-write-immediate', io.EFA_IO_RDMA_WRITE],
]);

/** What the queues have a code for. */
export const EFA_JOBS: ReadonlySet<SendOpcode> = new Set(OPERATIONS.keys());

/** What a send queue was made for. */
export interface SendLimits {
  readonly entries: number;
  readonly maxSge: number;
  /** Bytes. */
  readonly inline: number;
  readonly signalAll: boolean;
  /** Entries between two doorbells; 0 for as many as there are. */
  readonly batch: number;
}

/** A ring in the device's own memory, which is written and never read. */
export class EfaSendQueue implements SendQueue {
  readonly #ring: Mapping;
  readonly #start: number;
  readonly #doorbell: Doorbell;
  readonly #limits: SendLimits;
  readonly #requests: RequestIds;
  /** Entries since the last reset, and of them those that the device was told of. */
  #produced = 0;
  #rung = 0;

  constructor(
    ring: { readonly memory: Mapping; readonly start: number },
    doorbell: Doorbell,
    limits: SendLimits,
    requests: RequestIds,
  ) {
    this.#ring = ring.memory;
    this.#start = ring.start;
    this.#doorbell = doorbell;
    this.#limits = limits;
    this.#requests = requests;
  }

  post(requests: readonly SendRequest[]): Posted {
    return postEach(requests, (request) => this.#postOne(request));
  }

  #postOne(request: SendRequest): Errno {
    if (!isEncodable(request, this.#limits)) return E.EINVAL;
    const number = this.#requests.take(request.id);
    if (number === undefined) return E.ENOMEM;
    const { entries, batch } = this.#limits;
    const phase = Math.floor(this.#produced / entries) % 2;
    const at = this.#start + (this.#produced % entries) * SEND_ENTRY_BYTES;
    this.#ring.write(at, encodeSend(request, number, phase));
    this.#produced++;
    if (batch > 0 && this.#produced - this.#rung === batch) this.ring();
    return 0;
  }

  ring(): void {
    if (this.#rung === this.#produced) return;
    this.#rung = this.#produced;
    this.#doorbell.ring(this.#produced & 0xffff);
  }

  drop(): void {
    this.#produced = 0;
    this.#rung = 0;
    this.#requests.clear();
  }

  close(): void {
    this.#ring.unmap();
    this.#doorbell.close();
  }
}

/** The device completes each request, knows no fence and no solicited events. */
function isEncodable(request: SendRequest, limits: SendLimits): boolean {
  const { opcode, sges, inline } = request;
  const operation = OPERATIONS.get(opcode);
  if (operation === undefined || request.ah === undefined) return false;
  if (request.signaled !== true && !limits.signalAll) return false;
  if (request.fence === true || request.solicited === true) return false;
  if (inline !== undefined) return operation === io.EFA_IO_SEND && inline.length <= limits.inline;
  const most = operation === io.EFA_IO_SEND ? io.EFA_IO_TX_DESC_NUM_BUFS : 1;
  return sges.length <= Math.min(limits.maxSge, most);
}

/**
 * A struct efa_io_tx_wqe.
 *
 * @param number what the completion will name it by
 * @param phase 0 in the first round through the ring, then 1, and so on
 */
export function encodeSend(request: SendRequest, number: number, phase: number): Buffer {
  const { opcode, sges, inline, immediate, ah } = request;
  const operation = OPERATIONS.get(opcode) ?? 0;
  const wqe = Buffer.alloc(io.efa_io_tx_wqe.size);
  wqe.writeUInt16LE(number, META.request);
  wqe.writeUInt8(
    io.EFA_IO_TX_META_DESC_META_DESC_MASK |
      operation |
      (immediate === undefined ? 0 : io.EFA_IO_TX_META_DESC_HAS_IMM_MASK) |
      (inline === undefined ? 0 : io.EFA_IO_TX_META_DESC_INLINE_MSG_MASK),
    META.ctrl1,
  );
  wqe.writeUInt8(
    phase |
      io.EFA_IO_TX_META_DESC_FIRST_MASK |
      io.EFA_IO_TX_META_DESC_LAST_MASK |
      io.EFA_IO_TX_META_DESC_COMP_REQ_MASK,
    META.ctrl2,
  );
  wqe.writeUInt16LE((request.remoteQpn ?? 0) & 0xffff, META.remoteQpn);
  wqe.writeUInt16LE(inline?.length ?? sges.length, META.length);
  wqe.writeUInt32LE((immediate ?? 0) >>> 0, META.immediate);
  wqe.writeUInt16LE(Number(ah?.fields['number'] ?? 0xffff), META.ah);
  wqe.writeUInt32LE((request.remoteQkey ?? 0) >>> 0, META.qkey);
  if (inline !== undefined) wqe.set(inline, DATA);
  else if (operation === io.EFA_IO_SEND) writeSges(wqe, DATA, sges);
  else writeRemote(wqe, request);
  return wqe;
}

function writeRemote(wqe: Buffer, { sges, remoteAddress = 0n, rkey = 0 }: SendRequest): void {
  const length = sges.reduce((sum, sge) => sum + sge.length, 0);
  wqe.writeUInt32LE(length >>> 0, DATA);
  wqe.writeUInt32LE(rkey >>> 0, DATA + io.efa_io_remote_mem_addr.field('rkey').offset);
  wqe.writeBigUInt64LE(
    BigInt.asUintN(64, remoteAddress),
    DATA + io.efa_io_remote_mem_addr.field('buf_addr_lo').offset,
  );
  writeSges(wqe, LOCAL, sges);
}

/** A list of struct efa_io_tx_buf_desc; a key has 24 bits. */
function writeSges(wqe: Buffer, start: number, sges: readonly Sge[]): void {
  for (const [i, { address, length, lkey }] of sges.entries()) {
    const at = start + i * io.efa_io_tx_buf_desc.size;
    wqe.writeUInt32LE(length >>> 0, at);
    wqe.writeUInt32LE(
      (lkey & io.EFA_IO_TX_BUF_DESC_LKEY_MASK) >>> 0,
      at + io.efa_io_tx_buf_desc.field('lkey').offset,
    );
    wqe.writeBigUInt64LE(
      BigInt.asUintN(64, address),
      at + io.efa_io_tx_buf_desc.field('buf_addr_lo').offset,
    );
  }
}
