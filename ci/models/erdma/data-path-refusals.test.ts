import t from 'tap';
import {
  ERDMA_OP_ATOMIC_FAA,
  ERDMA_OP_READ,
  ERDMA_OP_SEND,
  ERDMA_OP_WRITE,
  ERDMA_WC_FLUSH_ERR,
  ERDMA_WC_GENERAL_ERR,
  ERDMA_WC_RECV_ADDR_VIOLATION_ERR,
  ERDMA_WC_RECV_PDID_ERR,
  ERDMA_WC_RECV_RIGHT_VIOLATION_ERR,
  ERDMA_WC_RECV_STAG_INVALID_ERR,
  ERDMA_WC_RETRY_EXC_ERR,
  ERDMA_WC_SEND_ADDR_VIOLATION_ERR,
  ERDMA_WC_SEND_PDID_ERR,
  ERDMA_WC_SEND_RIGHT_VIOLATION_ERR,
  ERDMA_WC_SEND_STAG_INVALID_ERR,
  ERDMA_WC_SEND_WARRPING_ERR,
  ERDMA_WC_SEND_WQE_FORMAT_ERR,
  erdma_send_sqe_rc,
} from './headers/erdma-hw.ts';
import { ALL, DATA, Pair, REGION_BYTES, TARGET } from './test-pair.ts';

const FLUSHED = ERDMA_WC_FLUSH_ERR;

interface Failure {
  readonly title: string;
  readonly expected: readonly number[];
  readonly act: (pair: Pair) => void;
  readonly rights?: number;
}

const send = (pair: Pair, key = pair.source, address = DATA, length = 4) =>
  pair.send(ERDMA_OP_SEND, [[key, address, length]]);
const write = (pair: Pair, key = pair.target, address = TARGET, length = 4) =>
  pair.write(ERDMA_OP_WRITE, [[pair.source, DATA, length]], [key, address]);

const FAILURES: readonly Failure[] = [
  {
    title: 'a key that is not there',
    expected: [ERDMA_WC_SEND_STAG_INVALID_ERR],
    act: (pair) => send(pair, pair.source + 1),
  },
  {
    title: 'bytes behind the region',
    expected: [ERDMA_WC_SEND_ADDR_VIOLATION_ERR],
    act: (pair) => send(pair, pair.source, DATA + REGION_BYTES - 3),
  },
  {
    title: 'another domain',
    expected: [ERDMA_WC_SEND_PDID_ERR],
    act: (pair) => send(pair, pair.region(7, DATA, ALL, 9)),
  },
  {
    title: 'a read into memory that is read only',
    expected: [ERDMA_WC_SEND_RIGHT_VIOLATION_ERR],
    act: (pair) => {
      const key = pair.region(7, DATA, 2);
      pair.read(ERDMA_OP_READ, [key, DATA], [[pair.target, TARGET, 4]]);
    },
  },
  {
    title: 'a remote key that is not there',
    expected: [ERDMA_WC_RECV_STAG_INVALID_ERR],
    act: (pair) => write(pair, pair.target + 1),
  },
  {
    title: 'remote bytes before the region',
    expected: [ERDMA_WC_RECV_ADDR_VIOLATION_ERR],
    act: (pair) => write(pair, pair.target, TARGET - 1),
  },
  {
    title: 'remote memory that may not be written',
    expected: [ERDMA_WC_RECV_RIGHT_VIOLATION_ERR],
    act: (pair) => write(pair),
    rights: ALL - 16,
  },
  {
    title: 'remote memory that may not be read',
    expected: [ERDMA_WC_RECV_RIGHT_VIOLATION_ERR],
    act: (pair) => pair.read(ERDMA_OP_READ, [pair.source, DATA], [[pair.target, TARGET, 4]]),
    rights: ALL - 8,
  },
  {
    title: 'remote memory without atomics',
    expected: [ERDMA_WC_RECV_RIGHT_VIOLATION_ERR],
    act: (pair) => pair.atomic(ERDMA_OP_ATOMIC_FAA, 1n, 0n),
    rights: ALL - 1,
  },
  {
    title: 'remote memory of another domain',
    expected: [ERDMA_WC_RECV_PDID_ERR],
    act: (pair) => write(pair, pair.region(7, TARGET, ALL, 9)),
  },
  {
    title: 'a receive that is too short',
    expected: [ERDMA_WC_RECV_ADDR_VIOLATION_ERR, ERDMA_WC_GENERAL_ERR],
    act: (pair) => {
      pair.receive(pair.to, TARGET, 3);
      send(pair);
    },
  },
  {
    title: 'a receive into memory that may not be written',
    expected: [ERDMA_WC_RECV_RIGHT_VIOLATION_ERR, ERDMA_WC_GENERAL_ERR],
    act: (pair) => {
      pair.receive(pair.to, TARGET, 4, pair.region(7, TARGET, 2));
      send(pair);
    },
  },
  {
    title: 'a request that no device knows',
    expected: [ERDMA_WC_SEND_WQE_FORMAT_ERR],
    act: (pair) => pair.post(pair.from, 11, Buffer.alloc(32)),
  },
  {
    title: 'more buffers than the request has room for',
    expected: [ERDMA_WC_SEND_WQE_FORMAT_ERR],
    act: (pair) => pair.send(ERDMA_OP_SEND, [[pair.source, DATA, 4]], { count: 3 }),
  },
  {
    title: 'a peer that knows another',
    expected: [ERDMA_WC_RETRY_EXC_ERR],
    act: (pair) => {
      pair.modify(pair.to, 0);
      pair.bringUp(pair.to, 5);
      send(pair);
    },
  },
  {
    title: 'sequence numbers that do not agree',
    expected: [ERDMA_WC_RETRY_EXC_ERR],
    act: (pair) => {
      pair.modify(pair.from, 3, 1 | 8, { sq_psn: 8 });
      send(pair);
    },
  },
];

for (const { title, expected, act, rights = ALL } of FAILURES) {
  t.test(`refused: ${title}`, async (t) => {
    const pair = new Pair({ rights });
    act(pair);
    const all = pair.statuses();
    t.same(all, expected);
    send(pair);
    t.same(pair.statuses(), [FLUSHED], 'and the connection is broken');
  });
}

t.test('addresses that wrap around are refused', async (t) => {
  const pair = new Pair();
  const head = erdma_send_sqe_rc.make({ length: 16 });
  const sge = Buffer.alloc(16);
  sge.writeBigUInt64LE(2n ** 64n - 8n, 0);
  sge.writeUInt32LE(16, 8);
  sge.writeUInt32LE(pair.source, 12);
  pair.receive(pair.to, TARGET, 64);
  pair.post(pair.from, ERDMA_OP_SEND, Buffer.concat([head, sge]), { count: 1 });
  t.same(pair.statuses(), [ERDMA_WC_SEND_WARRPING_ERR]);
});
