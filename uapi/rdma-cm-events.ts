import type { CallOutcome } from './call-outcome.ts';
import { returned } from './call-outcome.ts';
import { O_CLOEXEC, O_NONBLOCK, O_RDWR, POLLIN } from './constants.ts';
import { E } from './errno.ts';
import type { RdmaUcmEventResp } from './headers/rdma/rdma-user-cm.ts';
import { tryCm } from './rdma-cm.ts';
import { tryOpen } from './sys.ts';
import { tryPoll } from './sys-poll.ts';

/** By number. Source: include/rdma/rdma_cm.h, enum rdma_cm_event_type */
export const CM_EVENTS = [
  'ADDR_RESOLVED',
  'ADDR_ERROR',
  'ROUTE_RESOLVED',
  'ROUTE_ERROR',
  'CONNECT_REQUEST',
  'CONNECT_RESPONSE',
  'CONNECT_ERROR',
  'UNREACHABLE',
  'REJECTED',
  'ESTABLISHED',
  'DISCONNECTED',
  'DEVICE_REMOVAL',
  'MULTICAST_JOIN',
  'MULTICAST_ERROR',
  'ADDR_CHANGE',
  'TIMEWAIT_EXIT',
  'ADDRINFO_RESOLVED',
  'ADDRINFO_ERROR',
  'USER',
  'INTERNAL',
] as const;

export type CmEventName = (typeof CM_EVENTS)[number] | `${number}`;

export interface CmEvent {
  readonly event: CmEventName;
  /** Of CONNECT_REQUEST the new id, of multicast events the id of the membership. */
  readonly id: number;
  /** Of CONNECT_REQUEST the listener's. */
  readonly uid: bigint;
  /** 0, a negative errno, or a reason to reject (IB_CM_REJ_CONSUMER_DEFINED is 28). */
  readonly status: number;
  /** Both readings: `conn` of connected ids, `ud` of datagram ids. */
  readonly param: RdmaUcmEventResp['param'];
  readonly ece: RdmaUcmEventResp['ece'];
}

/** Opens the connection manager, non-blocking, so that GET_EVENT answers EAGAIN. */
export function openCm(node: string): CallOutcome<number> {
  return returned(tryOpen(node, O_RDWR | O_CLOEXEC | O_NONBLOCK), `open ${node}`);
}

/** The next event of a file; ETIMEDOUT when none has come in time. */
export function nextCmEvent(fd: number, timeoutMs: number): CallOutcome<CmEvent> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const left = Math.max(0, deadline - performance.now());
    const { ret, errno } = tryPoll([{ fd, events: POLLIN }], left);
    if (errno !== 0 && errno !== E.EINTR) return { ok: false, errno, call: 'poll' };
    if (ret === 0) return { ok: false, errno: E.ETIMEDOUT, call: 'RDMA_USER_CM_CMD_GET_EVENT' };
    const got = tryCm(fd, 'RDMA_USER_CM_CMD_GET_EVENT', {});
    if (got.ok) return { ok: true, value: cmEvent(got.value) };
    if (got.errno !== E.EAGAIN) return got;
  }
}

function cmEvent(raw: RdmaUcmEventResp): CmEvent {
  const { event, id, uid, status, param, ece } = raw;
  return { event: CM_EVENTS[event] ?? `${event}`, id, uid, status: status | 0, param, ece };
}
