import koffi from 'koffi';
import {
  IB_USER_VERBS_CMD_POST_SEND,
  ib_uverbs_cmd_hdr,
  ib_uverbs_post_send,
  ib_uverbs_post_send_resp,
  ib_uverbs_send_wr,
} from '../../uapi/headers/rdma/ib-user-verbs.ts';

/** Where the kernel would say which request is bad; of a doorbell there is none. */
const ignored = Buffer.alloc(8);

/**
 * The command that tells a software driver of new work in a mapped queue: POST_SEND with no work
 * requests. The kernel wants the size of one all the same.
 * Source: drivers/infiniband/core/uverbs_cmd.c, ib_uverbs_post_send()
 */
export function doorbell(qpHandle: number): Buffer {
  const body = ib_uverbs_post_send.make({
    response: koffi.address(ignored),
    qp_handle: qpHandle,
    wqe_size: ib_uverbs_send_wr.size,
  });
  const header = ib_uverbs_cmd_hdr.make({
    command: IB_USER_VERBS_CMD_POST_SEND,
    in_words: (ib_uverbs_cmd_hdr.size + body.length) / 4,
    out_words: ib_uverbs_post_send_resp.size / 4,
  });
  return Buffer.concat([header, body]);
}
