import t from 'tap';
import {
  CMDQ_OPCODE_ALLOC_DB,
  CMDQ_OPCODE_CREATE_CQ,
  CMDQ_OPCODE_CREATE_QP,
  CMDQ_OPCODE_FREE_DB,
  CMDQ_SUBMOD_COMMON,
  ERDMA_BAR_SQDB_SPACE_OFFSET,
  ERDMA_CMD_CREATE_CQ_MTT_DB_CFG_MASK,
  ERDMA_CMD_CREATE_QP_DB_CFG_MASK,
  erdma_cmdq_create_cq_req,
  erdma_cmdq_create_qp_req,
  erdma_cmdq_ext_db_req,
  erdma_rqe,
} from './headers/erdma-hw.ts';
import { DATA, Pair } from './test-pair.ts';

const PAGE = 4096;
const QPN = 9;
const CQN = 9;
const RECVS = DATA + 0x2000;

/** A queue pair of a process that has its own doorbells, in the error state: what is rung in, is flushed. */
function processOf(pair: Pair) {
  const { machine } = pair;
  const pagesFor = (opcode: number, init: object) =>
    machine.command(opcode, erdma_cmdq_ext_db_req.make({ cfg: 7, ...init }), CMDQ_SUBMOD_COMMON);
  const { first } = pagesFor(CMDQ_OPCODE_ALLOC_DB, {});
  const offsets = {
    sdb_off: Number(first & 0xffffn),
    cdb_off: Number((first >> 32n) & 0xffffn),
    rdb_off: Number(first >> 48n),
  };
  const { sdb_off: send, rdb_off: receive, cdb_off: completion } = offsets;
  const cq = erdma_cmdq_create_cq_req.make({
    cfg0: (4 << 24) | CQN,
    cfg1: 1 | (1 << 16) | ERDMA_CMD_CREATE_CQ_MTT_DB_CFG_MASK,
    cfg2: completion,
    qbuf_addr_l: DATA + 0x1000,
  });
  const qp = (pages: number) =>
    erdma_cmdq_create_qp_req.make({
      cfg0: (4 << 20) | QPN,
      cfg1: 3 << 20,
      sq_cqn_mtt_cfg: CQN | ERDMA_CMD_CREATE_QP_DB_CFG_MASK,
      rq_cqn_mtt_cfg: CQN,
      sq_buf_addr: BigInt(DATA),
      rq_buf_addr: BigInt(RECVS),
      sq_mtt_cfg: 2,
      rq_mtt_cfg: 2,
      db_cfg: ((send << 16) | pages) >>> 0,
    });
  return { pagesFor, offsets, send, receive, completion, cq, qp };
}

t.test('a process rings in its own pages, and nobody else there', async (t) => {
  const pair = new Pair();
  const { machine } = pair;
  const own = processOf(pair);
  t.equal(machine.command(CMDQ_OPCODE_CREATE_CQ, own.cq).ok, true);
  t.equal(machine.command(CMDQ_OPCODE_CREATE_QP, own.qp(own.completion)).ok, false);
  t.equal(machine.command(CMDQ_OPCODE_CREATE_QP, own.qp(own.receive)).ok, true);
  t.equal(own.pagesFor(CMDQ_OPCODE_FREE_DB, own.offsets).ok, false, 'pages in use stay');
  pair.modify({ number: QPN, sends: 0, recvs: 0, sent: 0, posted: 0 }, 6);
  const flushed = () => {
    const entries = machine.memory.read(DATA + 0x1000, 16 * 32) ?? Buffer.alloc(0);
    return Array.from({ length: 16 }, (_, i) => entries.readUInt32BE(i * 32)).filter(
      (head) => head >>> 31 === 1,
    ).length;
  };
  const sendOne = (count: number) => (BigInt(QPN) << 32n) | BigInt(count);
  machine.ring(ERDMA_BAR_SQDB_SPACE_OFFSET, sendOne(1));
  t.equal(flushed(), 0, 'not in the pages that all share');
  machine.ring((own.send + 3) * PAGE, sendOne(1));
  t.equal(flushed(), 0, "nor in pages that are nobody's");
  machine.ring(own.send * PAGE + 64, sendOne(1));
  t.equal(flushed(), 1, 'anywhere in its own');
  const receive = (index: number) => {
    const entry = erdma_rqe.make({ qe_idx: index, qpn: QPN });
    machine.memory.write(RECVS + (index - 1) * 32, entry);
    return entry.readBigUInt64LE(0);
  };
  machine.ring(own.receive * PAGE, receive(1));
  machine.ring(own.completion * PAGE, receive(2));
  t.equal(flushed(), 3, 'receives in both of their pages');
  const before = machine.interrupts.length;
  const arm = (BigInt(CQN) << 32n) | 0x8000_0001n;
  machine.ring(own.send * PAGE, arm);
  machine.ring(ERDMA_BAR_SQDB_SPACE_OFFSET, arm);
  t.equal(machine.interrupts.length, before);
  machine.ring(own.receive * PAGE, arm);
  t.same(machine.interrupts.slice(before), [1], 'completions too');
  machine.ring(own.send * PAGE, (BigInt(pair.from.number) << 32n) | 1n);
  t.same(pair.statuses(), [], 'nobody else is rung there');
});
