import type { IbUverbsQpAttr } from '../../uapi/headers/rdma/ib-user-verbs.ts';
import type { Connection, QpAttributes, QpState } from '../contract-verbs.ts';
import { gidText } from './gid.ts';
import { QP_STATES } from './words.ts';

/** enum ib_qp_attr_mask, as far as the connection manager sets it. Source: include/rdma/ib_verbs.h */
const MASK = {
  access: 0x8,
  pkeyIndex: 0x10,
  port: 0x20,
  qkey: 0x40,
  to: 0x80,
  pathMtu: 0x100,
  timeout: 0x200,
  retryCount: 0x400,
  rnrRetry: 0x800,
  receivePsn: 0x1000,
  maxReadAtomic: 0x2000,
  minRnrTimer: 0x8000,
  sendPsn: 0x10000,
  maxDestReadAtomic: 0x20000,
  remoteQpn: 0x100000,
} as const;

const PATH_MTU = [undefined, 256, 512, 1024, 2048, 4096] as const;

/**
 * What INIT_QP_ATTR says that MODIFY_QP is to be told, for the state that was asked for; what the
 * caller wants of the QP itself goes before. Undefined where there is nothing to be told: RTS of
 * iWARP. Source: drivers/infiniband/core/cma.c, rdma_init_qp_attr()
 */
export function qpAttributes(attr: IbUverbsQpAttr, how: Connection): QpAttributes | undefined {
  const mask = attr.qp_attr_mask;
  const state: QpState | undefined = QP_STATES[attr.qp_state];
  if ((mask & 1) === 0 || state === undefined) return undefined;
  const pathMtu = PATH_MTU[attr.path_mtu];
  const { grh, dlid, port_num } = attr.ah_attr;
  const to = {
    gid: gidText(Uint8Array.from(grh.dgid)),
    lid: dlid,
    gidIndex: grh.sgid_index,
    port: port_num,
  };
  const has = (name: keyof typeof MASK): boolean => (mask & MASK[name]) !== 0;
  return {
    state,
    ...(has('access') && { access: how.access ?? attr.qp_access_flags }),
    ...(has('pkeyIndex') && { pkeyIndex: attr.pkey_index }),
    ...(has('port') && { port: attr.port_num }),
    ...(has('qkey') && { qkey: attr.qkey }),
    ...(has('to') && { to }),
    ...(has('pathMtu') && pathMtu !== undefined && { pathMtu: how.pathMtu ?? pathMtu }),
    ...(has('timeout') && { timeout: how.timeout ?? attr.timeout }),
    ...(has('retryCount') && { retryCount: attr.retry_cnt }),
    ...(has('rnrRetry') && { rnrRetry: attr.rnr_retry }),
    ...(has('receivePsn') && { receivePsn: attr.rq_psn }),
    ...(has('maxReadAtomic') && { maxReadAtomic: attr.max_rd_atomic }),
    ...(has('minRnrTimer') && { minRnrTimer: how.minRnrTimer ?? attr.min_rnr_timer }),
    ...(has('sendPsn') && { sendPsn: attr.sq_psn }),
    ...(has('maxDestReadAtomic') && { maxDestReadAtomic: attr.max_dest_rd_atomic }),
    ...(has('remoteQpn') && { remoteQpn: attr.dest_qp_num }),
  };
}
