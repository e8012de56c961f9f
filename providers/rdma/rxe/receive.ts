import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { E } from '../../../uapi/errno.ts';
import {
  mminfo,
  rxe_create_srq_resp,
  rxe_recv_wqe,
  rxe_sge,
} from '../../../uapi/headers/rdma/rdma-user-rxe.ts';
import {
  type Made,
  type Posted,
  postEach,
  type ReceiveQueue,
  type ReceiveRequest,
  type Sge,
} from '../driver.ts';
import { type Element, element } from './element.ts';
import { RxeQueue } from './queue.ts';

const DMA = rxe_recv_wqe.field('dma').offset;
const AT = {
  id: rxe_recv_wqe.field('wr_id').offset,
  length: DMA + 0,
  resid: rxe_recv_wqe.field('dma.resid').offset,
  sgeCount: rxe_recv_wqe.field('dma.num_sge').offset,
  sges: rxe_recv_wqe.size,
};

export function openSrq({ fd, object, response }: Made<'srq'>): CallOutcome<ReceiveQueue> {
  const opened = RxeQueue.open(fd, rxe_create_srq_resp.get(response, 'mi'));
  if (!opened.ok) return opened;
  return { ok: true, value: receiveQueue(fd, opened.value, Number(object.fields['maxSge'])) };
}

export function receiveQueue(fd: number, first: RxeQueue, maxSge: number): ReceiveQueue {
  let queue = first;
  const scratch = element(queue.elementSize);
  return {
    post: (requests) => post(queue, scratch, maxSge, requests),
    remap(response) {
      const opened = RxeQueue.open(fd, mminfo.decode(response));
      if (!opened.ok) return opened;
      queue.close();
      queue = opened.value;
      return { ok: true, value: undefined };
    },
    drop: () => queue.dropProduced(),
    close: () => queue.close(),
  };
}

function post(
  queue: RxeQueue,
  scratch: Element,
  maxSge: number,
  requests: readonly ReceiveRequest[],
): Posted {
  const room = queue.free;
  const first = queue.producer;
  const posted = postEach(requests, (request, index) => {
    const errno = index === room ? E.ENOMEM : encodeReceive(scratch, request, maxSge);
    if (errno === 0) queue.memory.write(queue.offsetOf(first + index), scratch.bytes);
    return errno;
  });
  if (posted.count > 0) queue.produce(posted.count);
  return posted;
}

/**
 * Writes a struct rxe_recv_wqe with its SGEs.
 *
 * @returns EINVAL for more SGEs than the queue has room for, else 0
 */
export function encodeReceive(wqe: Element, request: ReceiveRequest, maxSge: number): number {
  const { sges } = request;
  if (sges.length > maxSge) return E.EINVAL;
  const end = AT.sges + sges.length * rxe_sge.size;
  wqe.bytes.fill(0, 0, end);
  wqe.view.setBigUint64(AT.id, request.id, true);
  const length = writeSges(wqe, AT.sges, sges);
  wqe.view.setUint32(AT.length, length, true);
  wqe.view.setUint32(AT.resid, length, true);
  wqe.view.setUint32(AT.sgeCount, sges.length, true);
  return 0;
}

const SGE_LENGTH = rxe_sge.field('length').offset;
const SGE_LKEY = rxe_sge.field('lkey').offset;

/** Writes a list of struct rxe_sge; returns the sum of the lengths as a u32. */
export function writeSges(wqe: Element, start: number, sges: readonly Sge[]): number {
  let at = start;
  let total = 0;
  for (const { address, length, lkey } of sges) {
    wqe.view.setBigUint64(at, address, true);
    wqe.view.setUint32(at + SGE_LENGTH, length, true);
    wqe.view.setUint32(at + SGE_LKEY, lkey, true);
    total += length;
    at += rxe_sge.size;
  }
  return total >>> 0;
}
