import {
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_RDMA_READ,
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_RDMA_WRITE,
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_RECV,
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_READ,
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_WRITE,
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_SEND,
} from '../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import type { RdmaVerbs } from '../contract-verbs.ts';
import { type Missing, refusal } from './probe-reasons.ts';

/** Operations of enum ib_uverbs_qp_attach_comp_cntr_op. */
const LOCAL_OPERATIONS =
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_SEND |
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_RECV |
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_RDMA_READ |
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_RDMA_WRITE;
const REMOTE_OPERATIONS =
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_READ |
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_WRITE;

/** Capabilities of completion counters. */
export function probeCounters(verbs: RdmaVerbs): Missing {
  const caps = verbs.queryCompCntrCaps();
  if (!caps.ok) return { 'comp-cntr': refusal(caps), 'comp-cntr-remote': refusal(caps) };
  const operations = Number(caps.value['operations']);
  const lacks = (wanted: number) => (operations & wanted) !== wanted;
  const reason = `QUERY_COMP_CNTR_CAPS: counts operations 0x${operations.toString(16)} alone`;
  return {
    ...(lacks(LOCAL_OPERATIONS) && { 'comp-cntr': reason }),
    ...(lacks(REMOTE_OPERATIONS) && { 'comp-cntr-remote': reason }),
  };
}
