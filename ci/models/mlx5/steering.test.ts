import t from 'tap';
import { FIELD_BYTES, fieldsOf } from './frame-fields.ts';
import * as h from './headers/ifc.ts';
import { OWN_MAC } from './limits.ts';
import { toeplitz } from './spreading.ts';
import {
  destination,
  ELSEWHERE,
  frameTo,
  GROUP_ADDRESS,
  HERE,
  ipv4Frame,
  Packets,
} from './test-packets.ts';
import { DATA, TARGET } from './test-setup.ts';

const outer = h.fte_match_set_lyr_2_4;
const OTHER_GROUP = Buffer.from('01005e000002', 'hex');
const DROP = h.MLX5_FLOW_CONTEXT_ACTION_DROP;

/** A machine with a second RQ, and a way to it. */
function two() {
  const packets = new Packets();
  const second = packets.makeRq(2);
  return { packets, second, tir: packets.makeTir(second) };
}

/** Who received a frame, by the index of its owner. */
function takersOf(packets: Packets, frame: Buffer): readonly number[] {
  const { memory } = packets.machine;
  memory.write(DATA, frame);
  packets.sendFrame([[packets.source, DATA, frame.length]]);
  return packets
    .poll()
    .filter(({ kind }) => kind === h.MLX5_CQE_RESP_SEND)
    .map(({ name }) => name);
}

function post(packets: Packets, sides: readonly Parameters<Packets['receive']>[0][], count = 4) {
  for (const side of sides)
    for (let i = 0; i < count; i++) packets.receive(side, [packets.target, TARGET, 0x100]);
}

t.test('a rule takes what matches it, until it is removed', async (t) => {
  const packets = new Packets();
  post(packets, [packets.rq]);
  t.same(takersOf(packets, frameTo(GROUP_ADDRESS)), [], 'without a rule');
  t.equal(packets.bring(GROUP_ADDRESS).ok, true);
  t.equal(packets.bring(GROUP_ADDRESS).ok, false, 'there is one at that place');
  t.same(takersOf(packets, frameTo(GROUP_ADDRESS)), [0x201]);
  t.same(takersOf(packets, frameTo(OTHER_GROUP)), []);
  t.equal(packets.removeRule(packets.table, 0), true);
  t.equal(packets.removeRule(packets.table, 0), false);
  t.same(takersOf(packets, frameTo(GROUP_ADDRESS)), []);
});

t.test('the first rule counts, of a table and of those behind it', async (t) => {
  const { packets, second, tir } = two();
  post(packets, [packets.rq, second]);
  const next = packets.makeTable();
  const group = packets.makeGroup(next, Buffer.alloc(FIELD_BYTES));
  packets.setRule({ table: next, index: 0, group, tirs: [tir] });
  t.same(takersOf(packets, frameTo()), [], 'nothing leads there');
  t.equal(packets.changeNext(packets.table, next), true);
  t.same(takersOf(packets, frameTo()), [0x202]);
  packets.bring(OWN_MAC, [packets.tir], 5);
  t.same(takersOf(packets, frameTo()), [0x201]);
  t.same(takersOf(packets, frameTo(GROUP_ADDRESS)), [0x202], 'one that matches all');
  packets.bring(OWN_MAC, [tir], 3);
  t.same(takersOf(packets, frameTo()), [0x202], 'a lower index');
});

t.test('a root may be changed, or taken away', async (t) => {
  const { packets, second, tir } = two();
  post(packets, [packets.rq, second]);
  packets.bring(OWN_MAC);
  const first = packets.makeTable(h.FS_FT_NIC_RX, packets.table);
  const group = packets.makeGroup(first, destination(Buffer.alloc(6, 0xff)));
  packets.setRule({ table: first, index: 0, group, value: destination(OWN_MAC), tirs: [tir] });
  t.equal(packets.setRoot(first), true);
  t.same(takersOf(packets, frameTo()), [0x202]);
  t.equal(packets.setRoot(first, h.FS_FT_SNIFFER_RX), false, 'of another type');
  t.equal(packets.setRoot(0, h.FS_FT_NIC_RX, 1), true);
  t.same(takersOf(packets, frameTo()), []);
});

t.test('frames are dropped, copied and counted', async (t) => {
  const { packets, second, tir } = two();
  post(packets, [packets.rq, second], 8);
  const counter = packets.makeCounter();
  const value = destination(OWN_MAC);
  const { table } = packets;
  packets.setRule({ table, index: 0, value, tirs: [packets.tir, tir], counters: [counter] });
  t.same(takersOf(packets, frameTo()), [0x201, 0x202]);
  t.same(takersOf(packets, frameTo(GROUP_ADDRESS)), []);
  t.same(packets.counted(counter), [1n, 60n]);
  packets.removeRule(table, 0);
  const action = DROP | h.MLX5_FLOW_CONTEXT_ACTION_COUNT;
  packets.setRule({ table, index: 0, value, action, counters: [counter] });
  t.same(takersOf(packets, frameTo(OWN_MAC, Buffer.alloc(100))), []);
  t.same(packets.counted(counter), [2n, 174n]);
  const free = Buffer.alloc(16);
  free.writeUInt32BE(counter, 8);
  t.equal(packets.machine.command(h.MLX5_CMD_OP_DEALLOC_FLOW_COUNTER, free).ok, true);
  t.same(takersOf(packets, frameTo()), [], 'one that is gone counts nothing');
});

t.test('a rule is changed in what it does', async (t) => {
  const { packets, second, tir } = two();
  post(packets, [packets.rq, second]);
  const mask = 1 << h.MLX5_SET_FTE_MODIFY_ENABLE_MASK_DESTINATION_LIST;
  const rule = { table: packets.table, index: 0, value: destination(OWN_MAC), tirs: [packets.tir] };
  t.equal(packets.setRule(rule, mask).ok, false, 'there is none yet');
  packets.setRule(rule);
  t.equal(packets.setRule({ ...rule, tirs: [packets.tir, tir], action: DROP }, mask).ok, true);
  t.same(takersOf(packets, frameTo()), [0x201, 0x202], 'the action is not taken');
  packets.setRule({ ...rule, action: DROP }, 1 << h.MLX5_SET_FTE_MODIFY_ENABLE_MASK_ACTION);
  t.same(takersOf(packets, frameTo()), []);
});

t.test('a rule leads to other tables, and its tag shows', async (t) => {
  const { packets, second, tir } = two();
  post(packets, [packets.rq, second]);
  const next = packets.makeTable();
  const group = packets.makeGroup(next, Buffer.alloc(FIELD_BYTES));
  packets.setRule({ table: next, index: 0, group, tirs: [tir], tag: 0xabc });
  const value = destination(OWN_MAC);
  packets.setRule({ table: packets.table, index: 0, value, tirs: [packets.tir], tables: [next] });
  const frame = frameTo();
  packets.machine.memory.write(DATA, frame);
  packets.sendFrame([[packets.source, DATA, frame.length]], Buffer.alloc(0), { isSilent: true });
  t.match(packets.poll(), [
    { name: 0x201, qpn: 0 },
    { name: 0x202, qpn: 0xabc },
  ]);
});

t.test('what comes from the same domain needs a bit, and the port lets it back', async (t) => {
  const { packets, second } = two();
  post(packets, [second], 8);
  const { MLX5_TIRC_SELF_LB_BLOCK_BLOCK_UNICAST: unicast } = h;
  const { MLX5_TIRC_SELF_LB_BLOCK_BLOCK_MULTICAST: multicast } = h;
  const cases = [
    [HERE, 0, []],
    [HERE, unicast, ['own']],
    [HERE, multicast, ['group']],
    [HERE, unicast | multicast, ['own', 'group']],
    [ELSEWHERE, 0, ['own', 'group']],
  ] as const;
  for (const [domain, bits, expected] of cases) {
    const tir = packets.makeTir(second, { transport_domain: domain, self_lb_block: bits });
    packets.bring(OWN_MAC, [tir], 0);
    packets.bring(GROUP_ADDRESS, [tir], 1);
    const taken = [
      ...takersOf(packets, frameTo()).map(() => 'own'),
      ...takersOf(packets, frameTo(GROUP_ADDRESS)).map(() => 'group'),
    ];
    t.same(taken, expected, `domain ${domain}, bits ${bits}`);
    for (const index of [0, 1]) packets.removeRule(packets.table, index);
  }
  packets.bring(OWN_MAC, [packets.makeTir(second)]);
  const input = h.modify_nic_vport_context_in.make({ 'field_select.disable_uc_local_lb': 1 });
  const context = h.modify_nic_vport_context_in.bytes(input, 'nic_vport_context');
  h.nic_vport_context.set(context, 'disable_uc_local_lb', 1);
  t.equal(packets.machine.command(h.MLX5_CMD_OP_MODIFY_NIC_VPORT_CONTEXT, input).ok, true);
  t.same(takersOf(packets, frameTo()), [], 'the port keeps it from coming back');
});

t.test('sniffers get a copy of what is sent, and of what is received', async (t) => {
  const { packets, second, tir } = two();
  post(packets, [packets.rq, second], 8);
  packets.bring(OWN_MAC);
  for (const type of [h.FS_FT_SNIFFER_RX, h.FS_FT_SNIFFER_TX]) {
    const table = packets.makeTable(type);
    const group = packets.makeGroup(table, Buffer.alloc(FIELD_BYTES), type);
    t.equal(packets.setRule({ type, table, index: 0, group, tirs: [tir] }).ok, true);
    packets.setRoot(table, type);
  }
  t.same(takersOf(packets, frameTo()), [0x202, 0x202, 0x201]);
  t.same(takersOf(packets, frameTo(Buffer.from('020000000077', 'hex'))), [0x202], 'sent alone');
});

t.test('rules look at addresses and ports of IP', async (t) => {
  const packets = new Packets();
  post(packets, [packets.rq]);
  const datagram = { source: '10.0.0.1', target: '10.0.0.2', ports: [1000, 2000] } as const;
  const criteria = Buffer.alloc(FIELD_BYTES);
  for (const field of ['ip_version', 'ip_protocol', 'udp_dport'] as const)
    outer.set(criteria, field, 0xffff);
  const group = packets.makeGroup(packets.table, criteria);
  const value = fieldsOf(ipv4Frame(datagram));
  packets.setRule({ table: packets.table, index: 0, group, value, tirs: [packets.tir] });
  t.same(takersOf(packets, ipv4Frame(datagram)), [0x201]);
  t.same(takersOf(packets, ipv4Frame({ ...datagram, source: '10.9.9.9' })), [0x201]);
  t.same(takersOf(packets, ipv4Frame({ ...datagram, ports: [1000, 2001] })), []);
  t.same(takersOf(packets, ipv4Frame({ ...datagram, protocol: 6 })), []);
  t.same(takersOf(packets, frameTo()), []);
});

t.test('frames are spread by a hash of their headers', async (t) => {
  const { packets, second } = two();
  post(packets, [packets.rq, second], 8);
  const rqt = packets.makeRqt([packets.rq, second]);
  const tir = packets.makeTir(
    packets.rq,
    {
      disp_type: h.MLX5_TIRC_DISP_TYPE_INDIRECT,
      indirect_table: rqt,
      rx_hash_fn: h.MLX5_RX_HASH_FN_TOEPLITZ,
      // Addresses of IPv4, ports of UDP.
      rx_hash_field_selector_outer: (h.MLX5_L4_PROT_TYPE_UDP << 30) | 0xf,
    },
    KEY,
  );
  packets.bring(OWN_MAC, [tir]);
  const places = Array.from({ length: 8 }, (_, i) => {
    const frame = ipv4Frame({ source: '66.9.149.187', target: '161.142.100.80', ports: [i, 7] });
    return [takersOf(packets, frame), takersOf(packets, frame)] as const;
  });
  for (const [once, again] of places) t.same(once, again, 'the same flow, the same queue');
  t.same([...new Set(places.flatMap(([once]) => once))].sort(), [0x201, 0x202]);
  post(packets, [packets.rq], 1);
  t.same(takersOf(packets, frameTo()), [0x201], 'what is not hashed');
});

/** Of the examples that Microsoft gives with its definition of RSS, as are the sums. */
const KEY = Buffer.from(
  '6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa',
  'hex',
);

t.test('the hash is that of RSS', async (t) => {
  const addresses = Buffer.from([66, 9, 149, 187, 161, 142, 100, 80]);
  const ports = Buffer.from([2794 >> 8, 2794 & 0xff, 1766 >> 8, 1766 & 0xff]);
  t.equal(toeplitz(KEY, addresses), 0x323e8fc2);
  t.equal(toeplitz(KEY, Buffer.concat([addresses, ports])), 0x51ccc178);
});
