import type { CallOutcome } from '../../uapi/call-outcome.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../../uapi/headers/rdma/uverbs-commands.ts';
import type { Address, Facts, How, QpAttributes, RdmaObject } from '../contract-verbs.ts';
import { HOP_LIMIT } from './address-handle.ts';
import { command } from './call.ts';
import type { Context } from './context.ts';
import { gidBytes } from './gid.ts';
import { mtuNumber, QP_STATES } from './words.ts';

/** enum ib_qp_attr_mask, by the attribute that the bit stands for. Source: include/rdma/ib_verbs.h */
const MASK: Readonly<Record<Exclude<keyof QpAttributes, 'extraMask'>, number>> = {
  state: 1 << 0,
  currentState: 1 << 1,
  sqdAsyncNotify: 1 << 2,
  access: 1 << 3,
  pkeyIndex: 1 << 4,
  port: 1 << 5,
  qkey: 1 << 6,
  to: 1 << 7,
  pathMtu: 1 << 8,
  timeout: 1 << 9,
  retryCount: 1 << 10,
  rnrRetry: 1 << 11,
  receivePsn: 1 << 12,
  maxReadAtomic: 1 << 13,
  minRnrTimer: 1 << 15,
  sendPsn: 1 << 16,
  maxDestReadAtomic: 1 << 17,
  remoteQpn: 1 << 20,
};

/** Bits of all that is there. */
export function attributeMask(attributes: QpAttributes): number {
  let mask = attributes.extraMask ?? 0;
  for (const [name, bit] of Object.entries(MASK)) if (Object.hasOwn(attributes, name)) mask |= bit;
  return mask >>> 0;
}

function stateNumber(state: QpAttributes['state']): number {
  return state === undefined ? 0 : QP_STATES.indexOf(state);
}

function destination(to: Address | undefined) {
  if (to === undefined) return {};
  return {
    dgid: gidBytes(to.gid),
    dlid: to.lid,
    sgid_index: to.gidIndex,
    hop_limit: HOP_LIMIT,
    is_global: 1,
    port_num: to.port,
  };
}

function base(qp: RdmaObject, attributes: QpAttributes) {
  return {
    dest: destination(attributes.to),
    qp_handle: qp.handle,
    attr_mask: attributeMask(attributes),
    qkey: attributes.qkey ?? 0,
    rq_psn: attributes.receivePsn ?? 0,
    sq_psn: attributes.sendPsn ?? 0,
    dest_qp_num: attributes.remoteQpn ?? 0,
    qp_access_flags: attributes.access ?? 0,
    pkey_index: attributes.pkeyIndex ?? 0,
    qp_state: stateNumber(attributes.state),
    cur_qp_state: stateNumber(attributes.currentState),
    path_mtu: attributes.pathMtu === undefined ? 0 : mtuNumber(attributes.pathMtu),
    en_sqd_async_notify: attributes.sqdAsyncNotify === true ? 1 : 0,
    max_rd_atomic: attributes.maxReadAtomic ?? 0,
    max_dest_rd_atomic: attributes.maxDestReadAtomic ?? 0,
    min_rnr_timer: attributes.minRnrTimer ?? 0,
    port_num: attributes.port ?? 0,
    timeout: attributes.timeout ?? 0,
    retry_cnt: attributes.retryCount ?? 0,
    rnr_retry: attributes.rnrRetry ?? 0,
  };
}

export function modifyQp(
  context: Context,
  qp: RdmaObject,
  attributes: QpAttributes,
  how: How & { readonly extended?: boolean },
): CallOutcome<Facts> {
  const answer = command(context, {
    ...(how.extended === true ? extendedCall(qp, attributes) : plainCall(qp, attributes)),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  // Work that a reset QP had not begun is none any more; rxe leaves that to the process.
  if (attributes.state === 'reset') context.qps.get(qp)?.drop();
  return { ok: true, value: {} };
}

function plainCall(qp: RdmaObject, attributes: QpAttributes) {
  const request = h.ib_uverbs_modify_qp.make(base(qp, attributes));
  return { command: uverbsCommands.MODIFY_QP, request };
}

function extendedCall(qp: RdmaObject, attributes: QpAttributes) {
  return {
    command: uverbsCommands.EX_MODIFY_QP,
    request: h.ib_uverbs_ex_modify_qp.make({ base: base(qp, attributes) }),
  };
}
