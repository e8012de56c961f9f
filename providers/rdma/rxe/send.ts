import { E } from '../../../uapi/errno.ts';
import { IB_FLUSH_GLOBAL } from '../../../uapi/headers/rdma/ib-user-verbs.ts';
import { rxe_send_wqe, rxe_sge } from '../../../uapi/headers/rdma/rdma-user-rxe.ts';
import { type Posted, postEach, type SendQueue, type SendRequest } from '../driver.ts';
import { SEND_OPCODES } from '../words.ts';
import { type Element, element } from './element.ts';
import type { RxeQueue } from './queue.ts';
import { writeSges } from './receive.ts';

const at = (path: string): number => rxe_send_wqe.field(path).offset;

const AT = {
  id: at('wr.wr_id'),
  opcode: at('wr.opcode'),
  flags: at('wr.send_flags'),
  extra: at('wr.ex'),
  remoteAddress: at('wr.wr.rdma.remote_addr'),
  rkey: at('wr.wr.rdma.rkey'),
  flushLength: at('wr.wr.flush.length'),
  flushRkey: at('wr.wr.flush.rkey'),
  flushType: at('wr.wr.flush.type'),
  flushLevel: at('wr.wr.flush.level'),
  compareAdd: at('wr.wr.atomic.compare_add'),
  swap: at('wr.wr.atomic.swap'),
  atomicRkey: at('wr.wr.atomic.rkey'),
  remoteQpn: at('wr.wr.ud.remote_qpn'),
  remoteQkey: at('wr.wr.ud.remote_qkey'),
  ahNumber: at('wr.wr.ud.ah_num'),
  mwAddress: at('wr.wr.mw.addr'),
  mwLength: at('wr.wr.mw.length'),
  mwMrLkey: at('wr.wr.mw.mr_lkey'),
  mwRkey: at('wr.wr.mw.mw_rkey'),
  mwNewRkey: at('wr.wr.mw.rkey'),
  mwAccess: at('wr.wr.mw.access'),
  iova: at('iova'),
  ssn: at('ssn'),
  length: at('dma.length'),
  resid: at('dma.resid'),
  sgeCount: at('dma.num_sge'),
  /** Behind the struct: SGEs, inline data, or the value of an atomic write. */
  data: rxe_send_wqe.size,
};

/** enum ib_uverbs_wr_send_flags. Source: include/rdma/ib_verbs.h, enum ib_send_flags */
const SEND_FENCE = 1;
const SEND_SIGNALED = 2;
const SEND_SOLICITED = 4;
const SEND_INLINE = 8;

/** What a send queue was made for. */
export interface SendLimits {
  readonly maxSge: number;
  /** Bytes. */
  readonly inline: number;
  /** UD: the request names an AH and the far QP. */
  readonly datagram: boolean;
}

export function sendQueue(queue: RxeQueue, limits: SendLimits): SendQueue {
  const scratch = element(queue.elementSize);
  let ssn = 0;
  return {
    post(requests) {
      const posted = post(queue, scratch, limits, requests, ssn);
      ssn += posted.count;
      return posted;
    },
    drop: () => queue.dropProduced(),
    close: () => queue.close(),
  };
}

function post(
  queue: RxeQueue,
  scratch: Element,
  limits: SendLimits,
  requests: readonly SendRequest[],
  ssn: number,
): Posted {
  const room = queue.free;
  const first = queue.producer;
  const posted = postEach(requests, (request, index) => {
    if (index === room) return E.ENOMEM;
    const end = encodeSend(scratch, request, limits, ssn + index);
    if (end < 0) return -end;
    queue.memory.write(queue.offsetOf(first + index), scratch.bytes.subarray(0, end));
    return 0;
  });
  if (posted.count > 0) queue.produce(posted.count);
  return posted;
}

/**
 * Writes a struct rxe_send_wqe with what follows it. The kernel makes `mask`, the PSNs and `state`
 * itself, but they must be zero: it takes the element as it lies in the ring.
 * Source: drivers/infiniband/sw/rxe/rxe_req.c, req_next_wqe(), init_req_packet(), finish_packet()
 *
 * @returns the bytes of the element, or -EINVAL for what does not fit into it
 */
export function encodeSend(
  wqe: Element,
  request: SendRequest,
  limits: SendLimits,
  ssn: number,
): number {
  if (request.sges.length > limits.maxSge) return -E.EINVAL;
  if (request.opcode === 'atomic-write' && request.inline?.length !== 8) return -E.EINVAL;
  if (request.inline !== undefined && request.inline.length > inlineRoom(request, limits)) {
    return -E.EINVAL;
  }
  wqe.bytes.fill(0, 0, AT.data);
  wqe.view.setBigUint64(AT.id, request.id, true);
  wqe.view.setUint32(AT.opcode, SEND_OPCODES[request.opcode], true);
  wqe.view.setUint32(AT.flags, sendFlags(request), true);
  wqe.view.setUint32(AT.ssn, ssn >>> 0, true);
  if (request.immediate !== undefined) wqe.view.setUint32(AT.extra, request.immediate >>> 0);
  if (request.invalidateRkey !== undefined) {
    wqe.view.setUint32(AT.extra, request.invalidateRkey >>> 0, true);
  }
  if (limits.datagram) writeDatagram(wqe, request);
  else writeRemote(wqe, request);
  return writeData(wqe, request);
}

/** An atomic write has its eight bytes in the element, whatever the QP's limit is. */
function inlineRoom(request: SendRequest, limits: SendLimits): number {
  return request.opcode === 'atomic-write' ? 8 : limits.inline;
}

function sendFlags(request: SendRequest): number {
  const isInline = request.inline !== undefined && request.opcode !== 'atomic-write';
  return (
    (request.fence === true ? SEND_FENCE : 0) |
    (request.signaled === true ? SEND_SIGNALED : 0) |
    (request.solicited === true ? SEND_SOLICITED : 0) |
    (isInline ? SEND_INLINE : 0)
  );
}

/** The AH goes by the driver's number. Source: rxe_av.c, rxe_get_av() */
function writeDatagram(wqe: Element, { ah, remoteQpn, remoteQkey }: SendRequest): void {
  wqe.view.setUint32(AT.remoteQpn, (remoteQpn ?? 0) >>> 0, true);
  wqe.view.setUint32(AT.remoteQkey, (remoteQkey ?? 0) >>> 0, true);
  wqe.view.setUint32(AT.ahNumber, Number(ah?.fields['number'] ?? 0), true);
}

function writeRemote(wqe: Element, request: SendRequest): void {
  const { opcode, remoteAddress = 0n, rkey = 0 } = request;
  switch (opcode) {
    case 'send':
    case 'send-immediate':
    case 'send-invalidate':
    case 'local-invalidate':
      return;
    case 'bind-mw':
      writeBind(wqe, request);
      return;
    case 'compare-swap':
    case 'fetch-add':
      wqe.view.setBigUint64(AT.compareAdd, request.compareAdd ?? 0n, true);
      wqe.view.setBigUint64(AT.swap, request.swap ?? 0n, true);
      wqe.view.setUint32(AT.atomicRkey, rkey >>> 0, true);
      break;
    case 'flush':
      wqe.view.setUint32(AT.flushLength, flushLength(request), true);
      wqe.view.setUint32(AT.flushRkey, rkey >>> 0, true);
      wqe.view.setUint8(AT.flushType, request.flush?.type ?? IB_FLUSH_GLOBAL);
      wqe.view.setUint8(AT.flushLevel, request.flush?.level ?? 0);
      break;
    case 'rdma-write':
    case 'rdma-write-immediate':
    case 'rdma-read':
    case 'atomic-write':
      wqe.view.setUint32(AT.rkey, rkey >>> 0, true);
  }
  wqe.view.setBigUint64(AT.remoteAddress, remoteAddress, true);
  wqe.view.setBigUint64(AT.iova, remoteAddress, true);
}

/** Source: drivers/infiniband/sw/rxe/rxe_mw.c, rxe_bind_mw() */
function writeBind(wqe: Element, { bind }: SendRequest): void {
  if (bind === undefined) return;
  wqe.view.setBigUint64(AT.mwAddress, bind.address, true);
  wqe.view.setBigUint64(AT.mwLength, bind.length, true);
  wqe.view.setUint32(AT.mwMrLkey, Number(bind.mr.fields['lkey'] ?? 0), true);
  wqe.view.setUint32(AT.mwRkey, Number(bind.mw.fields['rkey'] ?? 0), true);
  wqe.view.setUint32(AT.mwNewRkey, bind.newRkey >>> 0, true);
  wqe.view.setUint32(AT.mwAccess, bind.access >>> 0, true);
}

/** A flush has a length and no data: where it is not given, that of the SGEs. */
function flushLength({ flush, sges }: SendRequest): number {
  return flush?.length ?? sges.reduce((sum, { length }) => sum + length, 0);
}

function writeData(wqe: Element, request: SendRequest): number {
  const { inline, opcode, sges } = request;
  let length = 0;
  let end = AT.data;
  if (opcode === 'flush') {
    length = flushLength(request);
  } else if (inline !== undefined) {
    wqe.bytes.set(inline, AT.data);
    length = inline.length;
    end += inline.length;
  } else {
    length = writeSges(wqe, AT.data, sges);
    wqe.view.setUint32(AT.sgeCount, sges.length, true);
    end += sges.length * rxe_sge.size;
  }
  wqe.view.setUint32(AT.length, length, true);
  wqe.view.setUint32(AT.resid, length, true);
  return end;
}
