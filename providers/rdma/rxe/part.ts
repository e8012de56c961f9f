import koffi from 'koffi';
import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { RDMA_DRIVER_RXE } from '../../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import {
  mminfo,
  rxe_create_ah_resp,
  rxe_create_cq_resp,
  rxe_create_qp_resp,
  rxe_create_srq_resp,
  rxe_modify_srq_cmd,
  rxe_resize_cq_resp,
} from '../../../uapi/headers/rdma/rdma-user-rxe.ts';
import type { RdmaKind, RdmaObject } from '../driver.ts';
import {
  type DriverCall,
  type DriverData,
  type Made,
  NO_DRIVER_DATA,
  type Part,
  type QpQueues,
} from '../driver.ts';
import { openCq } from './completion.ts';
import { RxeQueue } from './queue.ts';
import { openSrq, receiveQueue } from './receive.ts';
import { sendQueue } from './send.ts';

/** Bytes that rxe answers with. Source: drivers/infiniband/sw/rxe/rxe_verbs.c */
const ANSWERS: Partial<Record<DriverCall, number>> = {
  cq: rxe_create_cq_resp.size,
  'resize-cq': rxe_resize_cq_resp.size,
  qp: rxe_create_qp_resp.size,
  srq: rxe_create_srq_resp.size,
  ah: rxe_create_ah_resp.size,
};

function driverData(call: DriverCall): DriverData {
  if (call === 'modify-srq') return srqResize();
  return { input: NO_DRIVER_DATA.input, outputSize: ANSWERS[call] ?? 0 };
}

/** The new queue is told through an address in the input. Source: rxe_srq.c, rxe_srq_from_attr() */
function srqResize(): DriverData {
  const memory = mminfo.make();
  const input = rxe_modify_srq_cmd.make({ mmap_info_addr: koffi.address(memory) });
  return { input, outputSize: 0, memory };
}

function fields(kind: RdmaKind, response: Buffer): RdmaObject['fields'] {
  if (kind === 'ah') return { number: rxe_create_ah_resp.get(response, 'ah_num') };
  if (kind === 'srq') return { number: rxe_create_srq_resp.get(response, 'srq_num') };
  return {};
}

function openQp({ fd, object, want, response }: Made<'qp'>): CallOutcome<QpQueues> {
  const limit = (name: string): number => Number(object.fields[name] ?? 0);
  const send = RxeQueue.open(fd, rxe_create_qp_resp.get(response, 'sq_mi'));
  if (!send.ok) return send;
  const limits = {
    maxSge: limit('sendSge'),
    inline: limit('inline'),
    datagram: want.type === 'ud',
  };
  const queues = { send: sendQueue(send.value, limits) };
  if (want.srq !== undefined) return { ok: true, value: queues };
  const receive = RxeQueue.open(fd, rxe_create_qp_resp.get(response, 'rq_mi'));
  if (!receive.ok) {
    send.value.close();
    return receive;
  }
  const taken = receiveQueue(fd, receive.value, limit('receiveSge'));
  return { ok: true, value: { ...queues, receive: taken } };
}

/** Soft RoCE. */
export const rxe: Part = {
  driver: 'rxe',
  driverId: RDMA_DRIVER_RXE,
  shown: 'lab',
  where: () => 'software driver',
  driverData,
  fields,
  queues: { doorbell: 'command', openCq, openQp, openSrq },
};
