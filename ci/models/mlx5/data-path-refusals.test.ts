import t from 'tap';
import * as h from './headers/ifc.ts';
import { Pair } from './test-pair.ts';
import {
  ASYNC_EVENTS,
  DATA,
  type Options,
  PD,
  REGION_BYTES,
  RIGHTS,
  TARGET,
} from './test-setup.ts';

interface Failure {
  readonly title: string;
  /** In the order of the queue. */
  readonly expected: readonly string[];
  readonly act: (pair: Pair) => void;
  readonly options?: Options;
  /** What the far side's driver is told. */
  readonly event?: number;
}

const without = (right: string) => ({ rights: RIGHTS.filter((one) => one !== right) });
const send = (pair: Pair, key = pair.source, address = DATA, length = 4) =>
  pair.send([[key, address, length]]);
const write = (pair: Pair, key = pair.target, address = TARGET) =>
  pair.remote(h.MLX5_OPCODE_RDMA_WRITE, [key, address], [[pair.source, DATA, 4]]);
const read = (pair: Pair, key = pair.source) =>
  pair.remote(h.MLX5_OPCODE_RDMA_READ, [pair.target, TARGET], [[key, DATA, 4]]);
const add = (pair: Pair, address = TARGET, length = 8) => {
  const local = [[pair.source, DATA, length]] as const;
  pair.remote(h.MLX5_OPCODE_ATOMIC_FA, [pair.target, address], local, [1n, 0n]);
};

const LOCAL_LENGTH = `send ${h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR}`;
const LOCAL_PROTECTION = `send ${h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR}`;
const LOCAL_OPERATION = `send ${h.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR}`;
const REMOTE_ACCESS = `send ${h.MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR}`;
const REMOTE_INVALID = `send ${h.MLX5_CQE_SYNDROME_REMOTE_INVAL_REQ_ERR}`;
const REMOTE_OPERATION = `send ${h.MLX5_CQE_SYNDROME_REMOTE_OP_ERR}`;
const FLUSHED = `send ${h.MLX5_CQE_SYNDROME_WR_FLUSH_ERR}`;
const ACCESS_EVENT = h.MLX5_EVENT_TYPE_WQ_ACCESS_ERROR;
const REQUEST_EVENT = h.MLX5_EVENT_TYPE_WQ_INVAL_REQ_ERROR;

const FAILURES: readonly Failure[] = [
  {
    title: 'a key that is not there',
    expected: [LOCAL_PROTECTION],
    act: (pair) => send(pair, pair.source + 1),
  },
  {
    title: 'bytes behind the region',
    expected: [LOCAL_PROTECTION],
    act: (pair) => send(pair, pair.source, DATA + REGION_BYTES - 3),
  },
  {
    title: 'another domain',
    expected: [LOCAL_PROTECTION],
    act: (pair) => send(pair, pair.region(DATA, RIGHTS, PD + 1)),
  },
  {
    title: 'a read into memory that is read only',
    expected: [LOCAL_PROTECTION],
    act: (pair) => read(pair, pair.region(DATA, ['lr'])),
  },
  {
    title: 'an atomic operation with room for less',
    expected: [LOCAL_LENGTH],
    act: (pair) => add(pair, TARGET, 4),
  },
  {
    title: 'a request that no device knows',
    expected: [LOCAL_OPERATION],
    act: (pair) => pair.post(pair.from, 0x7f, Buffer.alloc(48)),
  },
  {
    title: 'a read on an unreliable connection',
    expected: [LOCAL_OPERATION],
    act: (pair) => read(pair),
    options: { type: h.MLX5_QPC_ST_UC },
  },
  {
    title: 'a remote key that is not there',
    expected: [REMOTE_ACCESS],
    act: (pair) => write(pair, pair.target + 1),
    event: ACCESS_EVENT,
  },
  {
    title: 'remote bytes before the region',
    expected: [REMOTE_ACCESS],
    act: (pair) => write(pair, pair.target, TARGET - 1),
    event: ACCESS_EVENT,
  },
  {
    title: 'remote memory that may not be written',
    expected: [REMOTE_ACCESS],
    act: (pair) => write(pair),
    options: without('rw'),
    event: ACCESS_EVENT,
  },
  {
    title: 'remote memory that may not be read',
    expected: [REMOTE_ACCESS],
    act: (pair) => read(pair),
    options: without('rr'),
    event: ACCESS_EVENT,
  },
  {
    title: 'remote memory without atomics',
    expected: [REMOTE_ACCESS],
    act: (pair) => add(pair),
    options: without('a'),
    event: ACCESS_EVENT,
  },
  {
    title: 'remote memory of another domain',
    expected: [REMOTE_ACCESS],
    act: (pair) => write(pair, pair.region(TARGET, RIGHTS, PD + 1)),
    event: ACCESS_EVENT,
  },
  {
    title: 'a QP that takes no writes',
    expected: [REMOTE_INVALID],
    act: (pair) => write(pair),
    options: { context: { rwe: 0 } },
    event: REQUEST_EVENT,
  },
  {
    title: 'a QP that takes no reads',
    expected: [REMOTE_INVALID],
    act: (pair) => read(pair),
    options: { context: { rre: 0 } },
    event: REQUEST_EVENT,
  },
  {
    title: 'an atomic operation at an address that is not aligned',
    expected: [REMOTE_INVALID],
    act: (pair) => add(pair, TARGET + 4),
    event: REQUEST_EVENT,
  },
  {
    title: 'a receive that is too short',
    expected: [`receive ${h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR}`, REMOTE_INVALID],
    act: (pair) => {
      pair.receive(pair.to, [pair.target, TARGET, 3]);
      send(pair);
    },
  },
  {
    title: 'a receive into memory that may not be written',
    expected: [`receive ${h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR}`, REMOTE_OPERATION],
    act: (pair) => {
      pair.receive(pair.to, [pair.region(TARGET, ['lr']), TARGET, 4]);
      send(pair);
    },
  },
  {
    title: 'an SRQ of XRC that is not there',
    expected: [REMOTE_INVALID],
    act: (pair) => {
      const input = Buffer.alloc(16);
      input.writeUInt32BE(pair.srqn, 8);
      pair.machine.command(h.MLX5_CMD_OP_DESTROY_XRC_SRQ, input);
      send(pair);
    },
    options: { type: h.MLX5_QPC_ST_XRC, isShared: true },
    event: REQUEST_EVENT,
  },
];

for (const { title, expected, act, options = {}, event } of FAILURES) {
  t.test(`refused: ${title}`, async (t) => {
    const pair = new Pair(options);
    act(pair);
    t.same(pair.outcomes(), expected);
    send(pair);
    t.same(pair.outcomes(), [FLUSHED], 'and nothing goes on');
    const told = pair.machine.events(ASYNC_EVENTS).map(({ type, number }) => [type, number]);
    t.same(
      told.filter(([type]) => type !== h.MLX5_EVENT_TYPE_CMD),
      event === undefined ? [] : [[event, pair.to.number]],
    );
  });
}

t.test('what nobody answers to is tried again, and fails', async (t) => {
  const pair = new Pair({ context: { retry_count: 2 } });
  pair.modify(pair.to, h.MLX5_CMD_OP_2RST_QP);
  send(pair);
  t.same(pair.outcomes(), [], 'not yet');
  await pair.wait();
  t.same(pair.outcomes(), [`send ${h.MLX5_CQE_SYNDROME_TRANSPORT_RETRY_EXC_ERR}`]);
  t.equal(pair.state(pair.from), h.MLX5_QPC_STATE_ERR);
});

t.test('sequence numbers that do not agree are nobody', async (t) => {
  const pair = new Pair({ context: { next_rcv_psn: 99 } });
  write(pair);
  await pair.wait();
  t.same(pair.outcomes(), [`send ${h.MLX5_CQE_SYNDROME_TRANSPORT_RETRY_EXC_ERR}`]);
});

t.test('a receiver that is not ready may become so', async (t) => {
  const none = new Pair();
  send(none);
  t.same(none.outcomes(), [`send ${h.MLX5_CQE_SYNDROME_RNR_RETRY_EXC_ERR}`], 'no retries');
  const some = new Pair({ context: { rnr_retry: 2 } });
  send(some);
  await some.wait();
  t.same(some.outcomes(), [`send ${h.MLX5_CQE_SYNDROME_RNR_RETRY_EXC_ERR}`], 'two of them');
  const endless = new Pair({ context: { rnr_retry: 7 } });
  send(endless);
  await endless.wait(20);
  t.same(endless.outcomes(), []);
  endless.receive(endless.to, [endless.target, TARGET, 4]);
  await endless.wait(20);
  t.same(endless.outcomes(), ['received 2', 'sent 10']);
});

t.test('what is unreliable is dropped in silence', async (t) => {
  const pair = new Pair({ type: h.MLX5_QPC_ST_UC });
  send(pair);
  write(pair, pair.target + 1);
  pair.modify(pair.to, h.MLX5_CMD_OP_2RST_QP);
  send(pair);
  t.same(pair.outcomes(), ['sent 10', 'sent 8', 'sent 10']);
});

t.test('a datagram that cannot be sent stops the send queue alone', async (t) => {
  const pair = new Pair({ type: h.MLX5_QPC_ST_UD });
  pair.datagram([[pair.source + 1, DATA, 4]]);
  t.same(pair.outcomes(), [LOCAL_PROTECTION]);
  t.equal(pair.state(pair.from), h.MLX5_QPC_STATE_SQER);
  pair.modify(pair.from, h.MLX5_CMD_OP_SQERR2RTS_QP);
  pair.datagram([[pair.source, DATA, 4]]);
  t.same(pair.outcomes(), ['sent 10']);
  pair.datagram([[pair.source, DATA, 4097]]);
  t.same(pair.outcomes(), ['sent 10'], 'more than a packet carries is not sent');
});
