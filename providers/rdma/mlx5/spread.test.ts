import t from 'tap';
import { E } from '../../../uapi/errno.ts';
import * as h from '../../../uapi/headers/rdma/mlx5-abi.ts';
import { rdmaObject } from '../context.ts';
import { type CreateRequests, HASH_FIELDS, type HashField } from '../driver.ts';
import { driverData } from './driver-data.ts';
import { mlx5Memory } from './memory.ts';
import { openQp } from './queues.ts';
import { HASH_KEY } from './spread.ts';

const NOTHING = Buffer.alloc(0);

function wantOf(by: readonly HashField[]): CreateRequests['qp'] {
  return {
    type: 'raw-packet',
    pd: rdmaObject('pd', 1),
    spread: { table: rdmaObject('wq-table', 2), by },
  };
}

function toldOf(by: readonly HashField[]) {
  return h.mlx5_ib_create_qp_rss.decode(driverData('qp', wantOf(by), NOTHING).input);
}

/** Each bit of the data that is set adds the 32 bits of the key that begin at its place. */
function hashOf(data: Buffer): number {
  const bits = [...HASH_KEY].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let hash = 0;
  for (let at = 0; at < 8 * data.length; at++) {
    const isSet = ((data.readUInt8(at >>> 3) << (at & 7)) & 0x80) !== 0;
    if (isSet) hash ^= Number.parseInt(bits.slice(at, at + 32), 2);
  }
  return hash >>> 0;
}

t.test('the driver is told of the hash and that frames may come back', async (t) => {
  const { input, outputSize } = driverData('qp', wantOf(['udp-source-port']), NOTHING);
  t.strictSame([input.length, outputSize], [152, 40]);
  const key = Buffer.from(HASH_KEY).toString('hex');
  const expected = ['4000000000000000', '01', '28', '00'.repeat(6), key, '00'.repeat(88)];
  t.equal(input.toString('hex'), [...expected, '00000000', 'c0000000'].join(''));
});

t.test('each field of a packet has a bit', async (t) => {
  const bits = HASH_FIELDS.map((field) => toldOf([field]).rx_hash_fields_mask);
  t.strictSame(bits, [1n, 2n, 4n, 8n, 16n, 32n, 64n, 128n]);
  t.equal(toldOf(['ipv4-source', 'ipv4-destination', 'tcp-source-port']).rx_hash_fields_mask, 19n);
  t.equal(toldOf([]).rx_hash_fields_mask, 0n, 'what that means is the driver to say');
});

t.test('the key gives the hashes that are published with it', async (t) => {
  // 66.9.149.187:2794 to 161.142.100.80:1766
  const addresses = '420995bba18e6450';
  t.equal(hashOf(Buffer.from(addresses, 'hex')), 0x323e8fc2);
  t.equal(hashOf(Buffer.from(`${addresses}0aea06e6`, 'hex')), 0x51ccc178);
  // 3ffe:2501:200:1fff::7 to 3ffe:2501:200:3::1, which take nearly all of it
  const long = '3ffe250102001fff00000000000000073ffe2501020000030000000000000001';
  t.equal(hashOf(Buffer.from(long, 'hex')), 0x2cc18cd5);
  t.equal(hashOf(Buffer.from(`${long}0aea06e6`, 'hex')), 0x40207d3d);
});

t.test('a QP that spreads has no memory, and no request has a place in it', async (t) => {
  const want = wantOf(['udp-source-port']);
  t.equal(mlx5Memory.qp(want, NOTHING), undefined);
  const opened = openQp({
    fd: -1,
    object: rdmaObject('qp', 3, { number: 0 }),
    want,
    response: h.mlx5_ib_create_qp_resp.make(),
    contextAnswer: NOTHING,
  });
  if (!opened.ok) throw new Error(opened.call);
  const { send, receive } = opened.value;
  const refused = { count: 0, errno: E.EINVAL };
  t.strictSame(send?.post([{ id: 1n, opcode: 'send', sges: [] }]), refused);
  t.strictSame(receive?.post([{ id: 1n, sges: [] }]), refused);
  t.strictSame(receive?.post([]), { count: 0, errno: 0 });
  send?.ring?.();
  send?.close();
  receive?.close();
});
