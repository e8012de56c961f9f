import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import * as m from '../../uapi/headers/rdma/mlx5-abi.ts';
import { addressOf } from '../../uapi/rdma/verbs-argument.ts';
import { FLOW_FIELDS, type FlowLayer, type FlowSpec } from '../contract-flow.ts';
import { Context, rdmaObject } from './context.ts';
import { destroy } from './destroy.ts';
import { type FlowWant, NO_DRIVER_DATA } from './driver.ts';
import { createFlow, encodeFlow } from './flow.ts';
import { encodeFlowSpec } from './flow-specs.ts';
import { driverData } from './mlx5/driver-data.ts';
import { partOf } from './parts.ts';

const NOTHING = Buffer.alloc(0);
const COUNTERS = rdmaObject('counters', 0x21);
const QP = rdmaObject('qp', 0x12);

const hex = (spec: FlowSpec) => encodeFlowSpec(spec).toString('hex');

/** Parts of a struct, which are read more easily with gaps between them. */
const parts = (...text: string[]) => text.join('').replaceAll(' ', '');

t.test('a layer is its type, its size, its values and their masks', async (t) => {
  t.equal(
    hex({
      layer: 'ethernet',
      is: { destination: '01:00:5E:00:00:07', source: 0x020000000001, etherType: 0x0800, vlan: 5 },
      mask: { vlan: 0xfff },
    }),
    parts(
      '20000000 2800 0000',
      '01005e000007 020000000001 0800 0005',
      'ffffffffffff ffffffffffff ffff 0fff',
    ),
  );
  t.equal(
    hex({
      layer: 'ipv4',
      is: { source: '10.0.0.1', destination: 0x0a000002, protocol: 17 },
      mask: { source: '255.255.0.0' },
    }),
    parts('30000000 2000 0000', '0a000001 0a000002 11 00 00 00', 'ffff0000 ffffffff ff 00 00 00'),
  );
  t.equal(
    hex({ layer: 'ipv4', is: { tos: 1, ttl: 2, flags: 3 } }),
    parts('30000000 2000 0000', '00000000 00000000 00 01 02 03', '00000000 00000000 00 ff ff ff'),
  );
  t.equal(
    hex({ layer: 'udp', is: { destinationPort: 4791 } }),
    parts('41000000 1000 0000', '12b7 0000', 'ffff 0000'),
  );
  t.equal(
    hex({ layer: 'tcp', is: { sourcePort: 80 }, mask: { destinationPort: 1 } }),
    parts('40000000 1000 0000', '0000 0050', '0001 ffff'),
    'what only the mask names is zero in these bits',
  );
});

t.test('IPv6 has addresses of 16 bytes, and a label of 20 bits', async (t) => {
  t.equal(
    hex({
      layer: 'ipv6',
      is: { source: 'fd00::1', destination: '::ffff:10.0.0.1', flowLabel: 0x12345, hopLimit: 64 },
      mask: { source: 'ffff::' },
    }),
    parts(
      '31000000 5800 0000',
      'fd000000000000000000000000000001 00000000000000000000ffff0a000001 00012345 00 00 40 00',
      'ffff0000000000000000000000000000 ffffffffffffffffffffffffffffffff 000fffff 00 00 ff 00',
    ),
  );
  t.equal(
    hex({ layer: 'ipv6', is: { nextHeader: 6, trafficClass: 7 } }).slice(-16),
    '00000000ffff0000',
  );
});

t.test('actions are their type and their size, and what is counted into', async (t) => {
  t.equal(hex({ action: 'drop' }), parts('01100000 0800 0000'));
  t.equal(
    hex({ action: 'count', counters: COUNTERS }),
    parts('03100000 1000 0000 21000000 00000000'),
  );
});

t.test('all fields of the contract are known, and what is none of them is refused', async (t) => {
  for (const layer of Object.keys(FLOW_FIELDS) as FlowLayer[]) {
    const names: readonly string[] = FLOW_FIELDS[layer];
    for (const name of names) {
      const isLong = layer === 'ipv6' && ['source', 'destination'].includes(name);
      const is = { [name]: isLong ? '::1' : 1 };
      t.equal(encodeFlowSpec({ layer, is }).length % 8, 0, `${layer} ${name}`);
    }
  }
  for (const [spec, message] of [
    [
      { layer: 'ethernet', is: { destination: '01:00:5e:00:00' } },
      /ethernet.destination.*not a MAC/,
    ],
    [{ layer: 'ethernet', is: { etherType: '0x800' } }, /etherType: '0x800' is not a number of 16/],
    [{ layer: 'ethernet', is: { vlan: 0x1_0000 } }, /vlan.*16 bits/],
    [{ layer: 'ipv4', is: { source: '10.0.0' } }, /ipv4.source: '10.0.0' is not an IPv4/],
    [{ layer: 'ipv4', is: { protocol: -1 } }, /protocol.*8 bits/],
    [{ layer: 'ipv4', is: { protocol: 1.5 } }, /protocol.*8 bits/],
    [{ layer: 'ipv6', is: { source: 1 } }, /source: '1' is not an IPv6/],
    [{ layer: 'ipv6', is: { flowLabel: 2 ** 20 } }, /flowLabel.*20 bits/],
    [{ layer: 'udp', is: { port: 1 } }, /udp has no field 'port'; it has: destinationPort/],
    [{ layer: 'udp', is: { toString: 1 } }, /no field 'toString'/],
    [{ layer: 'udp', is: {}, mask: { port: 1 } }, /no field 'port'/],
  ] as const) {
    t.throws(() => encodeFlowSpec(spec as unknown as FlowSpec), { name: 'TypeError', message });
  }
});

t.test('a rule is its attributes and then its specs', async (t) => {
  const plain = encodeFlow({ qp: QP, port: 2 });
  t.equal(plain.toString('hex'), parts('00000000 12000000 00000000 0000 0000 00 0000 02 00000000'));
  const specs = [{ layer: 'udp', is: { sourcePort: 1 } }, { action: 'drop' }] as const;
  const rule = encodeFlow({ qp: QP, port: 1, type: 'sniffer', priority: 3, specs });
  t.equal(
    rule.toString('hex', 0, h.ib_uverbs_create_flow.size),
    parts('00000000 12000000 03000000 1800 0300 02 0000 01 00000000'),
  );
  t.equal(rule.toString('hex', h.ib_uverbs_create_flow.size), specs.map(hex).join(''));
});

t.test('mlx5 is told what counters count at their first use alone', async (t) => {
  const rule = { qp: QP, port: 1, specs: [{ action: 'count', counters: COUNTERS }] } as const;
  t.equal(driverData('flow', { ...rule, fresh: [] }, NOTHING).input.length, 0);
  const { input, memory = NOTHING } = driverData('flow', { ...rule, fresh: [COUNTERS] }, NOTHING);
  t.equal(memory.toString('hex'), parts('00000000 00000000', '01000000 01000000'));
  t.equal(input.toString('hex', 0, 8), parts('01000000 00000000'));
  t.match(m.mlx5_ib_flow_counters_data.decode(input.subarray(8)), {
    counters_data: addressOf(memory),
    ncounters: 2,
  });
  t.equal(input.length, 24);
});

t.test('counters are fresh until a rule counts into them, and when the last is gone', async (t) => {
  // A file takes every command, and answers nothing.
  const fd = openSync(join(t.testdir(), 'uverbs'), 'w+');
  const told: FlowWant['fresh'][] = [];
  const part = {
    ...partOf('mlx5'),
    driverData(_call: unknown, want: unknown) {
      told.push((want as FlowWant).fresh);
      return NO_DRIVER_DATA;
    },
  };
  const context = new Context(fd, part, 'mlx5_0');
  const specs = [{ action: 'count', counters: COUNTERS }] as const;
  const create = () => {
    const made = createFlow(context, { qp: QP, port: 1, specs }, {});
    if (!made.ok) throw new Error(made.call);
    return made.value;
  };
  destroy(context, create(), { abi: 'write' });
  create();
  create();
  t.strictSame(told, [[COUNTERS], [COUNTERS], []]);
  context.close();
  closeSync(fd);
});
