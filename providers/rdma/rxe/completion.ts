import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { ib_uverbs_wc } from '../../../uapi/headers/rdma/ib-user-verbs.ts';
import { rxe_create_cq_resp } from '../../../uapi/headers/rdma/rdma-user-rxe.ts';
import { completionOf } from '../completion-words.ts';
import type { Completion, CompletionQueue, Made } from '../driver.ts';
import { RxeQueue } from './queue.ts';

const AT = {
  id: ib_uverbs_wc.field('wr_id').offset,
  status: ib_uverbs_wc.field('status').offset,
  opcode: ib_uverbs_wc.field('opcode').offset,
  vendorError: ib_uverbs_wc.field('vendor_err').offset,
  length: ib_uverbs_wc.field('byte_len').offset,
  extra: ib_uverbs_wc.field('ex').offset,
  qpn: ib_uverbs_wc.field('qp_num').offset,
  sourceQpn: ib_uverbs_wc.field('src_qp').offset,
  flags: ib_uverbs_wc.field('wc_flags').offset,
};

/** Maps the queue of a new CQ; its elements are struct ib_uverbs_wc. */
export function openCq({ fd, response }: Made<'cq'>): CallOutcome<CompletionQueue> {
  const opened = RxeQueue.open(fd, rxe_create_cq_resp.get(response, 'mi'));
  return opened.ok ? { ok: true, value: completionQueue(fd, opened.value) } : opened;
}

function completionQueue(fd: number, first: RxeQueue): CompletionQueue {
  let queue = first;
  return {
    poll: (max) => poll(queue, max),
    remap(response) {
      // The kernel moved what was there into the new queue. Source: rxe_queue.c, resize_finish()
      const opened = RxeQueue.open(fd, rxe_create_cq_resp.get(response, 'mi'));
      if (!opened.ok) return opened;
      queue.close();
      queue = opened.value;
      return { ok: true, value: undefined };
    },
    close: () => queue.close(),
  };
}

function poll(queue: RxeQueue, max: number): readonly Completion[] {
  const count = Math.min(queue.used, max);
  if (count === 0) return [];
  const first = queue.consumer;
  const found: Completion[] = [];
  for (let i = 0; i < count; i++) found.push(decodeCompletion(queue, queue.offsetOf(first + i)));
  queue.consume(count);
  return found;
}

function decodeCompletion({ memory }: RxeQueue, at: number): Completion {
  return completionOf({
    id: memory.readU64(at + AT.id),
    status: memory.readU32(at + AT.status),
    opcode: memory.readU32(at + AT.opcode),
    vendorError: memory.readU32(at + AT.vendorError),
    length: memory.readU32(at + AT.length),
    extra: memory.readU32(at + AT.extra),
    qpn: memory.readU32(at + AT.qpn),
    sourceQpn: memory.readU32(at + AT.sourceQpn),
    flags: memory.readU32(at + AT.flags),
  });
}
