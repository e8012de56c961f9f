import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { ib_uverbs_wc } from '../../../uapi/headers/rdma/ib-user-verbs.ts';
import { rxe_create_cq_resp } from '../../../uapi/headers/rdma/rdma-user-rxe.ts';
import type { Completion, CompletionQueue, Made } from '../driver.ts';
import { opcodeWord, statusWord } from '../words.ts';
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

/** enum ib_wc_flags. Source: include/rdma/ib_verbs.h */
const WC_GRH = 1;
const WC_WITH_IMM = 2;
const WC_WITH_INVALIDATE = 8;

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
  const status = memory.readU32(at + AT.status);
  const flags = memory.readU32(at + AT.flags);
  const extra = memory.readU32(at + AT.extra);
  return {
    id: memory.readU64(at + AT.id),
    status: statusWord(status),
    opcode: opcodeWord(memory.readU32(at + AT.opcode)),
    length: memory.readU32(at + AT.length),
    qpn: memory.readU32(at + AT.qpn),
    sourceQpn: memory.readU32(at + AT.sourceQpn),
    immediate: (flags & WC_WITH_IMM) === 0 ? 0 : swapped(extra),
    invalidatedRkey: (flags & WC_WITH_INVALIDATE) === 0 ? 0 : extra,
    hasImmediate: (flags & WC_WITH_IMM) !== 0,
    hasGrh: (flags & WC_GRH) !== 0,
    vendorError: memory.readU32(at + AT.vendorError),
  };
}

/** Immediate data is a __be32. */
export function swapped(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
