import t from 'tap';
import * as h from './headers/ifc.ts';
import { NULL_MKEY } from './limits.ts';
import { type Fault, Kernel, pages, READ, tables, WRITE } from './test-kernel.ts';
import { Pair } from './test-pair.ts';
import { DATA, type Options, TARGET } from './test-setup.ts';

const BOTH = READ | WRITE;
const PAGE = 0x1000;
/** Where the memory that lacks pages is reached. */
const START = 0x9000;

/** A key of two pages, of which the second is not there. */
function start(options: Options = {}) {
  const pair = new Pair(options);
  pair.machine.memory.write(DATA, Buffer.from('data'));
  const kernel = new Kernel(pair);
  const key = kernel.key(1);
  kernel.enable(key, START, 2 * PAGE, pages([TARGET, BOTH], [0, 0]));
  const bring = (rights = BOTH) =>
    kernel.update(key, pages([TARGET, BOTH], [TARGET + PAGE, rights]));
  return { pair, kernel, key, bring };
}

type Started = ReturnType<typeof start>;

const ACROSS = START + PAGE - 2;
const write = ({ pair, key }: Started, address = ACROSS) =>
  pair.remote(h.MLX5_OPCODE_RDMA_WRITE, [key, address], [[pair.source, DATA, 4]]);
const read = ({ pair, key }: Started, address = ACROSS) =>
  pair.remote(h.MLX5_OPCODE_RDMA_READ, [key, address], [[pair.source, DATA + 8, 4]]);
const add = ({ pair, key }: Started) =>
  pair.remote(h.MLX5_OPCODE_ATOMIC_FA, [key, START + PAGE], [[pair.source, DATA, 8]], [1n, 0n]);
const send = ({ pair, key }: Started) => {
  pair.receive(pair.to, [pair.target, TARGET, 64]);
  pair.send([[key, ACROSS, 4]]);
};
const fetch = ({ pair, key }: Started) =>
  pair.remote(h.MLX5_OPCODE_RDMA_READ, [pair.target, TARGET], [[key, ACROSS, 4]]);
const receive = ({ pair, key }: Started) => {
  pair.receive(pair.to, [key, ACROSS, 4]);
  pair.send([[pair.source, DATA, 4]]);
};
const receiveShared = ({ pair, key }: Started) => {
  pair.receiveShared([key, ACROSS, 4]);
  pair.send([[pair.source, DATA, 4]]);
};

const WQE = h.MLX5_PFAULT_SUBTYPE_WQE;
const RDMA = h.MLX5_PFAULT_SUBTYPE_RDMA;
const LOCAL_PROTECTION = `send ${h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR}`;
const REMOTE_ACCESS = `send ${h.MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR}`;

interface Missing {
  readonly title: string;
  readonly act: (started: Started) => void;
  readonly fault: Pick<Fault, 'subtype' | 'type'>;
  readonly side: 'from' | 'to';
  readonly done: readonly string[];
  readonly denied: readonly string[];
  readonly options?: Options;
}

const FAR = { side: 'to', denied: [REMOTE_ACCESS] } as const;
const OWN = { side: 'from', denied: [LOCAL_PROTECTION] } as const;
const RECEIVED = `received ${h.MLX5_CQE_RESP_SEND}`;
const NOT_RECEIVED = [
  `receive ${h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR}`,
  `send ${h.MLX5_CQE_SYNDROME_REMOTE_OP_ERR}`,
];

const ALL: readonly Missing[] = [
  {
    ...FAR,
    title: 'what is written from afar',
    act: write,
    fault: { subtype: RDMA, type: h.MLX5_PFAULT_RDMA | h.MLX5_PFAULT_WRITE },
    done: ['sent 8'],
  },
  {
    ...FAR,
    title: 'what is read from afar',
    act: read,
    fault: { subtype: RDMA, type: h.MLX5_PFAULT_RDMA },
    done: ['sent 16'],
  },
  {
    ...FAR,
    title: 'what is added to from afar',
    act: add,
    fault: { subtype: RDMA, type: h.MLX5_PFAULT_RDMA | h.MLX5_PFAULT_WRITE },
    done: ['sent 18'],
  },
  {
    ...OWN,
    title: 'what is sent',
    act: send,
    fault: { subtype: WQE, type: h.MLX5_WQE_PF_TYPE_REQ_SEND_OR_WRITE },
    done: [RECEIVED, 'sent 10'],
  },
  {
    ...OWN,
    title: 'what a read fills',
    act: fetch,
    fault: { subtype: WQE, type: h.MLX5_WQE_PF_TYPE_REQ_READ_OR_ATOMIC },
    done: ['sent 16'],
  },
  {
    side: 'to',
    title: 'what a receive fills',
    act: receive,
    fault: { subtype: WQE, type: h.MLX5_WQE_PF_TYPE_RESP },
    done: [RECEIVED, 'sent 10'],
    denied: NOT_RECEIVED,
  },
];

for (const { title, act, fault, side, done, denied, options = {} } of ALL) {
  t.test(`${title} waits for its pages`, async (t) => {
    const started = start(options);
    const { pair, kernel, bring } = started;
    act(started);
    t.same(pair.outcomes(), []);
    const [told, ...more] = kernel.faults();
    t.match(told, { ...fault, token: pair[side].number });
    t.same(more, []);
    t.equal(told?.data.readUInt32BE(0), 0, 'nothing is done');
    bring();
    t.same(pair.outcomes(), [], 'the driver says when');
    t.equal(kernel.resume(told as Fault), true);
    t.same(pair.outcomes(), done);
  });

  t.test(`${title} fails without its pages`, async (t) => {
    const started = start(options);
    const { pair, kernel } = started;
    act(started);
    t.equal(kernel.resume(kernel.faults()[0] as Fault, true), true);
    t.same(
      pair.outcomes().filter((one) => !one.endsWith(` ${h.MLX5_CQE_SYNDROME_WR_FLUSH_ERR}`)),
      denied,
    );
  });
}

t.test('an event of remote memory says what is wanted', async (t) => {
  const started = start();
  write(started);
  const [told] = started.kernel.faults();
  t.same(
    [4, 12].map((at) => told?.data.readUInt32BE(at)),
    [started.key, 4],
  );
  t.equal(told?.data.readBigUInt64BE(16), BigInt(ACROSS));
  t.equal(told?.data.readUInt16BE(10), 4);
});

/** The driver asks for the rest of what there could be. Source: core/main.c, handle_hca_cap_odp() */
function ask({ machine }: Pair, transport: 'rc' | 'xrc'): void {
  const set = Buffer.alloc(16 + h.odp_cap.sizeBytes);
  const field = `transport_page_fault_scheme_cap.${transport}_odp_caps.srq_receive` as const;
  h.odp_cap.make({ [field]: 1 }).copy(set, 16);
  machine.command(h.MLX5_CMD_OP_SET_HCA_CAP, set, h.MLX5_CAP_ODP << 1);
}

t.test('events of queues name the entry', async (t) => {
  const started = start({ isShared: true });
  const { pair, kernel, bring } = started;
  ask(pair, 'rc');
  pair.receiveShared([pair.target, TARGET, 8]);
  pair.send([[pair.source, DATA, 4]]);
  receiveShared(started);
  const [told] = kernel.faults();
  t.match(told, { subtype: WQE, type: h.MLX5_WQE_PF_TYPE_RMP, token: pair.to.number });
  t.same([told?.data.readUInt16BE(6), told?.data.readUInt32BE(24)], [1, pair.srqn]);
  bring();
  kernel.resume(told as Fault);
  t.same(pair.outcomes(), [RECEIVED, 'sent 10', RECEIVED, 'sent 10']);
  fetch({ ...started, key: kernel.key(1) });
  t.same(kernel.faults(), [], 'a key that is free has no pages to wait for');
});

t.test('a page that went again is asked for again', async (t) => {
  const started = start();
  const { pair, kernel, bring } = started;
  write(started);
  const [first] = kernel.faults();
  kernel.resume(first as Fault);
  const again = kernel.faults();
  t.match(again, [first]);
  bring();
  kernel.resume(first as Fault);
  t.same(pair.outcomes(), ['sent 8']);
});

t.test('a page that may be read lacks what a write needs', async (t) => {
  const started = start();
  const { pair, kernel, bring } = started;
  bring(READ);
  read(started);
  t.same(pair.outcomes(), ['sent 16']);
  write(started);
  t.match(kernel.faults(), [{ subtype: RDMA }]);
  add(started);
  bring();
  kernel.resume({ type: h.MLX5_PFAULT_RDMA | h.MLX5_PFAULT_WRITE, token: pair.to.number });
  t.same(pair.outcomes(), ['sent 8', 'sent 18'], 'what is behind waits too');
});

t.test('not all kinds of QPs wait', async (t) => {
  const unreliable = start({ type: h.MLX5_QPC_ST_UC });
  receive(unreliable);
  t.same(unreliable.pair.outcomes(), ['receive 4', 'sent 10']);
  const started = start({ type: h.MLX5_QPC_ST_UD });
  const { pair, kernel, key, bring } = started;
  pair.receive(pair.to, [pair.target, TARGET, 64]);
  pair.datagram([[key, ACROSS, 4]]);
  t.same(pair.outcomes(), []);
  const faults = kernel.faults();
  t.match(faults, [{ subtype: WQE, token: pair.from.number }]);
  bring();
  kernel.resume(faults[0] as Fault);
  t.same(pair.outcomes(), [RECEIVED, 'sent 10']);
});

t.test('receives of XRC wait only once the driver has asked for it', async (t) => {
  const started = start({ type: h.MLX5_QPC_ST_XRC, isShared: true });
  const { pair, kernel, bring } = started;
  ask(pair, 'xrc');
  receiveShared(started);
  const faults = kernel.faults();
  t.match(faults, [{ type: h.MLX5_WQE_PF_TYPE_RMP }]);
  bring();
  kernel.resume(faults[0] as Fault);
  t.same(pair.outcomes(), [RECEIVED, 'sent 10']);
  const other = start({ type: h.MLX5_QPC_ST_XRC, isShared: true });
  receiveShared(other);
  t.same(other.pair.outcomes(), NOT_RECEIVED);
});

t.test('a QP that is gone or begins anew waits for nothing', async (t) => {
  const started = start();
  const { pair, kernel } = started;
  write(started);
  const [told] = kernel.faults() as readonly [Fault];
  pair.modify(pair.from, h.MLX5_CMD_OP_2RST_QP);
  t.equal(kernel.resume(told), true);
  t.same([pair.outcomes(), kernel.faults()], [[], []]);
  t.equal(kernel.resume({ ...told, token: 0x1234 }), false, 'there is no such QP');
});

t.test('who waits for pages of a far side that breaks hears no answer', async (t) => {
  const started = start();
  const { pair, kernel } = started;
  write(started);
  pair.modify(pair.to, h.MLX5_CMD_OP_2ERR_QP);
  await pair.wait();
  t.same(pair.outcomes(), [`send ${h.MLX5_CQE_SYNDROME_TRANSPORT_RETRY_EXC_ERR}`]);
  t.equal(kernel.resume(kernel.faults()[0] as Fault), true);
});

t.test('an error flushes what waits', async (t) => {
  const started = start();
  const { pair } = started;
  write(started);
  pair.modify(pair.from, h.MLX5_CMD_OP_2ERR_QP);
  t.same(pair.outcomes(), [`send ${h.MLX5_CQE_SYNDROME_WR_FLUSH_ERR}`]);
});

t.test('a table of keys lacks what it has the null key for', async (t) => {
  const started = start();
  const { pair, kernel, key } = started;
  const table = kernel.key(4, h.MLX5_MKC_ACCESS_MODE_KSM);
  kernel.enable(table, 0, 0, tables([NULL_MKEY, 0], [NULL_MKEY, 0]), 13);
  write({ ...started, key: table }, 0x2004);
  const [told] = kernel.faults() as readonly [Fault];
  t.equal(told.data.readUInt32BE(4), table);
  kernel.update(table, tables([NULL_MKEY, 0], [key, START]));
  kernel.resume(told);
  t.same(pair.outcomes(), ['sent 8']);
  t.equal(pair.machine.memory.read(TARGET + 4, 4)?.toString(), 'data');
});
