import t from 'tap';
import { rdmaDriverId, rdmaDriverOf } from '../../uapi/sysfs-rdma.ts';
import type { Facts, RdmaVerbs } from '../contract-verbs.ts';
import { readDepth, wholeAccess } from './abilities.ts';
import { completionOf, swapped32 } from './completion-words.ts';
import { stepAttributes } from './connect.ts';
import { QueueTable, rdmaObject } from './context.ts';
import { postEach } from './driver.ts';
import { factsOf } from './facts.ts';
import { type GidEntry, gidBytes, gidText, usableAddress } from './gid.ts';
import { attributeMask } from './modify-qp.ts';
import { partOf } from './parts.ts';

t.test('GIDs are read and written as IPv6 addresses', async (t) => {
  for (const [text, bytes] of [
    ['::ffff:198.18.0.1', '00000000000000000000ffffc6120001'],
    ['fe80::ff:fe00:1', 'fe80000000000000000000fffe000001'],
    ['::', '00'.repeat(16)],
    ['ff0e::1', `ff0e${'00'.repeat(13)}01`],
  ] as const) {
    t.equal(gidBytes(text).toString('hex'), bytes, text);
  }
  t.equal(gidText(gidBytes('::ffff:10.0.0.1')), '::ffff:10.0.0.1');
  const plain = 'fe80:0000:0000:0000:0000:00ff:fe00:0001';
  t.equal(gidText(gidBytes(plain)), plain);
  for (const wrong of ['', '1:2', '::1::2', 'x::', '1:2:3:4:5:6:7:8:9']) {
    t.throws(() => gidBytes(wrong), TypeError, `'${wrong}'`);
  }
});

function entry(index: number, gid: string, type: GidEntry['type'] = 'roce-v2'): GidEntry {
  return { gid, index, port: 1, type, ifindex: 2 };
}

t.test('a port is reached by IPv4 first, never by a link-local address', async (t) => {
  const local = entry(0, 'fe80:0000:0000:0000:0000:00ff:fe00:0001');
  const six = entry(1, 'fd00:0000:0000:0000:0000:0000:0000:0001');
  const four = entry(2, '::ffff:198.18.0.1');
  const lossy = entry(3, '::ffff:198.18.1.1');
  t.equal(usableAddress([local, six, four])?.gidIndex, 2);
  t.equal(usableAddress([local, six])?.gidIndex, 1);
  t.equal(usableAddress([local]), undefined);
  t.equal(usableAddress([entry(0, '::ffff:10.0.0.1', 'roce-v1')]), undefined);
  t.equal(usableAddress([lossy, four])?.gidIndex, 2, 'the clean path by default');
  t.equal(usableAddress([lossy, four], 'loss')?.gidIndex, 3);
  t.equal(usableAddress([four], 'dead'), undefined);
});

t.test('the kernel is told the driver of whatever the device is bound to', async (t) => {
  for (const bound of ['mlx5_core', 'mlx5_core.sf', 'be2net', 'ib_mthca', 'ib_qib', 'usnic_verbs'])
    t.ok(rdmaDriverId(rdmaDriverOf(bound)), bound);
  t.equal(rdmaDriverOf('mlx5_core.sf'), 'mlx5');
  t.equal(rdmaDriverOf('efa'), 'efa');
});

t.test('a part says what the devices of its driver are', async (t) => {
  for (const driver of ['rxe', 'siw'])
    t.equal(partOf(driver).where?.(`${driver}0`), 'software driver', driver);
  for (const driver of ['efa', 'erdma', 'mlx5']) {
    t.match(partOf(driver).where?.(`${driver}_0`), /^(metal|device model)$/, driver);
  }
  t.equal(partOf('efa').transport, 'efa');
  const { where, transport, probe, queues } = partOf('a driver that is not known');
  t.strictSame([where, transport, probe, queues], [undefined, undefined, undefined, undefined]);
});

t.test('the mask of MODIFY_QP has a bit for each attribute that is there', async (t) => {
  t.equal(attributeMask({}), 0);
  t.equal(attributeMask({ state: 'init', pkeyIndex: 0, port: 1, access: 0 }), 0x39);
  t.equal(attributeMask({ state: 'err', extraMask: 0x80000000 }), 0x80000001);
});

t.test('each step of a connection has what the state asks of that type', async (t) => {
  const address = { gid: '::ffff:10.0.0.1', lid: 0, gidIndex: 1, port: 1 };
  const way = { from: address, to: address, remoteQpn: 18 };
  const masks = (type: 'rc' | 'uc' | 'ud') =>
    (['init', 'rtr', 'rts'] as const).map((state) =>
      attributeMask(stepAttributes(state, { type, ...way }, {})).toString(16),
    );
  // drivers/infiniband/core/verbs.c, qp_state_table: what is required, and nothing more.
  t.strictSame(masks('rc'), ['39', '129181', '12e01']);
  t.strictSame(masks('uc'), ['39', '101181', '10001']);
  t.strictSame(masks('ud'), ['71', '1', '10001']);
});

t.test('QPs are connected with what their devices say that they take', async (t) => {
  const saying = (value: Facts) =>
    ({ queryDevice: () => ({ ok: true, value }) }) as unknown as RdmaVerbs;
  const many = saying({ maxQpRdAtom: 128, maxQpInitRdAtom: 64 });
  t.equal(readDepth(many, many), 16);
  t.equal(readDepth(many, saying({ maxQpRdAtom: 16, maxQpInitRdAtom: 4 })), 4);
  t.equal(readDepth(saying({ maxQpRdAtom: 0 })), 16, 'one that does not say');
  t.equal(wholeAccess(many), 0xf);
  t.equal(wholeAccess(saying({ deviceCapFlagsEx: 1n << 38n })), 0x10f);
});

t.test('a completion tells in words', async (t) => {
  const raw = {
    id: 1n,
    status: 0,
    opcode: 129,
    vendorError: 0,
    length: 4,
    extra: 0x04030201,
    qpn: 17,
    sourceQpn: 18,
    flags: 3,
  };
  t.match(completionOf(raw), {
    status: 'success',
    opcode: 'receive-rdma-immediate',
    immediate: 0x01020304,
    invalidatedRkey: 0,
    hasGrh: true,
  });
  t.match(completionOf({ ...raw, flags: 4 }), { hasImmediate: false, invalidatedRkey: 0x04030201 });
  t.match(completionOf({ ...raw, status: 5 }), { status: 'flushed', opcode: '' });
  t.match(completionOf({ ...raw, status: 99 }), { status: 'status 99' });
  t.equal(swapped32(0x800000ff), 0xff000080);
});

t.test('facts have the names that cases write, and words where they are words', async (t) => {
  const facts = factsOf(
    { max_qp_wr: 4, qp_state: 3, reserved: 9, nested: { a_b: 1n }, list: [1] },
    { qpState: (value) => `state ${value}` },
  );
  t.strictSame(facts, { maxQpWr: 4, qpState: 'state 3', nested: { aB: 1n } });
});

t.test('requests go in up to the first that cannot', async (t) => {
  const tried: string[] = [];
  const postOne = (request: string, index: number) => {
    tried.push(`${index} ${request}`);
    return request === 'wrong' ? 22 : 0;
  };
  t.strictSame(postEach(['a', 'wrong', 'b'], postOne), { count: 1, errno: 22 });
  t.strictSame(tried, ['0 a', '1 wrong'], 'none is tried after it');
  t.strictSame(postEach(['a', 'b'], postOne), { count: 2, errno: 0 });
  t.strictSame(postEach([], postOne), { count: 0, errno: 0 });
});

t.test('a queue is found by the object that it was made for, as long as that exists', async (t) => {
  const closed: string[] = [];
  const queue = (name: string) => ({ name, close: () => void closed.push(name) });
  const table = new QueueTable<ReturnType<typeof queue>>();
  const object = rdmaObject('cq', 4);
  table.add(object, queue('first'));
  t.equal(table.get(object)?.name, 'first');
  t.equal(table.get(rdmaObject('cq', 4)), undefined, 'an object of another session');
  table.remove(object);
  t.equal(table.get(object), undefined);
  const again = rdmaObject('cq', 4);
  table.add(again, queue('second'));
  t.equal(table.get(object), undefined, 'a stale object whose handle is in use again');
  table.close();
  t.strictSame(closed, ['first', 'second']);
});
