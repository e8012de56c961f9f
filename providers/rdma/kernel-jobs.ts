import type { CallOutcome } from '../../uapi/call-outcome.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../../uapi/headers/rdma/uverbs-commands.ts';
import type {
  Completion,
  Facts,
  How,
  RdmaObject,
  ReceiveRequest,
  SendRequest,
  Sge,
} from '../contract-verbs.ts';
import { command } from './call.ts';
import { decodeWc } from './completion-words.ts';
import type { Context } from './context.ts';
import { SEND_OPCODES } from './words.ts';

/**
 * Jobs that the kernel puts into queues on the caller's behalf: POST_SEND, POST_RECV,
 * POST_SRQ_RECV and POLL_CQ with something in them. Few drivers answer all of these; rxe takes
 * POST_SEND and passes over what is in it, since its QP is a user's.
 * Source: drivers/infiniband/core/uverbs_cmd.c, ib_uverbs_post_send();
 * drivers/infiniband/sw/rxe/rxe_verbs.c, rxe_post_send()
 */

const SEND_FENCE = 1;
const SEND_SIGNALED = 2;
const SEND_SOLICITED = 4;
const SEND_INLINE = 8;

function sgeBytes(sges: readonly Sge[]): Buffer {
  const all = sges.map(({ address, length, lkey }) =>
    h.ib_uverbs_sge.make({ addr: address, length, lkey }),
  );
  return Buffer.concat(all);
}

/** Work requests, then the SGEs of all of them. */
function requestBytes(head: Buffer, wrs: readonly Buffer[], lists: readonly (readonly Sge[])[]) {
  return Buffer.concat([head, ...wrs, ...lists.map(sgeBytes)]);
}

function sgeCount(requests: readonly { readonly sges: readonly Sge[] }[]): number {
  return requests.reduce((sum, { sges }) => sum + sges.length, 0);
}

export function postSendByCommand(
  context: Context,
  qp: RdmaObject,
  requests: readonly SendRequest[],
  how: How,
): CallOutcome<Facts> {
  const head = h.ib_uverbs_post_send.make({
    qp_handle: qp.handle,
    wr_count: requests.length,
    sge_count: sgeCount(requests),
    wqe_size: h.ib_uverbs_send_wr.size,
  });
  const lists = requests.map(({ sges }) => sges);
  const answer = command(context, {
    command: uverbsCommands.POST_SEND,
    request: requestBytes(head, requests.map(sendWr), lists),
    abi: how.abi,
  });
  return answer.ok ? { ok: true, value: {} } : answer;
}

function sendWr(request: SendRequest): Buffer {
  const { opcode, immediate, invalidateRkey } = request;
  const wr = h.ib_uverbs_send_wr.make({
    wr_id: request.id,
    num_sge: request.sges.length,
    opcode: SEND_OPCODES[opcode],
    send_flags:
      (request.fence === true ? SEND_FENCE : 0) |
      (request.signaled === true ? SEND_SIGNALED : 0) |
      (request.solicited === true ? SEND_SOLICITED : 0) |
      (request.inline === undefined ? 0 : SEND_INLINE),
  });
  const extra = h.ib_uverbs_send_wr.bytes(wr, 'ex');
  if (immediate !== undefined) extra.writeUInt32BE(immediate >>> 0);
  if (invalidateRkey !== undefined) extra.writeUInt32LE(invalidateRkey >>> 0);
  writeTarget(wr, request);
  return wr;
}

function writeTarget(wr: Buffer, request: SendRequest): void {
  const { remoteAddress = 0n, rkey = 0, ah } = request;
  if (ah !== undefined) {
    h.ib_uverbs_send_wr.set(wr, 'wr.ud.ah', ah.handle);
    h.ib_uverbs_send_wr.set(wr, 'wr.ud.remote_qpn', request.remoteQpn ?? 0);
    h.ib_uverbs_send_wr.set(wr, 'wr.ud.remote_qkey', request.remoteQkey ?? 0);
    return;
  }
  h.ib_uverbs_send_wr.set(wr, 'wr.rdma.remote_addr', remoteAddress);
  if (request.compareAdd === undefined) {
    h.ib_uverbs_send_wr.set(wr, 'wr.rdma.rkey', rkey);
    return;
  }
  h.ib_uverbs_send_wr.set(wr, 'wr.atomic.compare_add', request.compareAdd);
  h.ib_uverbs_send_wr.set(wr, 'wr.atomic.swap', request.swap ?? 0n);
  h.ib_uverbs_send_wr.set(wr, 'wr.atomic.rkey', rkey);
}

export function postReceiveByCommand(
  context: Context,
  queue: RdmaObject,
  requests: readonly ReceiveRequest[],
  how: How,
): CallOutcome<Facts> {
  if (queue.kind === 'wq') throw new TypeError('no command puts receives into a WQ');
  const isSrq = queue.kind === 'srq';
  const counts = {
    wr_count: requests.length,
    sge_count: sgeCount(requests),
    wqe_size: h.ib_uverbs_recv_wr.size,
  };
  const head = isSrq
    ? h.ib_uverbs_post_srq_recv.make({ srq_handle: queue.handle, ...counts })
    : h.ib_uverbs_post_recv.make({ qp_handle: queue.handle, ...counts });
  const wrs = requests.map(({ id, sges }) =>
    h.ib_uverbs_recv_wr.make({ wr_id: id, num_sge: sges.length }),
  );
  const answer = command(context, {
    command: isSrq ? uverbsCommands.POST_SRQ_RECV : uverbsCommands.POST_RECV,
    request: requestBytes(
      head,
      wrs,
      requests.map(({ sges }) => sges),
    ),
    abi: how.abi,
  });
  return answer.ok ? { ok: true, value: {} } : answer;
}

export function pollByCommand(
  context: Context,
  cq: RdmaObject,
  max: number,
  how: How,
): CallOutcome<readonly Completion[]> {
  const answer = command(context, {
    command: uverbsCommands.POLL_CQ,
    request: h.ib_uverbs_poll_cq.make({ cq_handle: cq.handle, ne: max }),
    responseSize: h.ib_uverbs_poll_cq_resp.size + max * h.ib_uverbs_wc.size,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const { response } = answer.value;
  const count = h.ib_uverbs_poll_cq_resp.get(response, 'count');
  const first = h.ib_uverbs_poll_cq_resp.size;
  const all = Array.from({ length: count }, (_, i) => {
    const start = first + i * h.ib_uverbs_wc.size;
    return decodeWc(response.subarray(start, start + h.ib_uverbs_wc.size));
  });
  return { ok: true, value: all };
}
