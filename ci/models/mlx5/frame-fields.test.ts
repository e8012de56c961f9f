import t from 'tap';
import { FIELD_BYTES, fieldsOf } from './frame-fields.ts';
import { fte_match_set_misc as misc, fte_match_set_lyr_2_4 as outer } from './headers/ifc.ts';
import { frameTo, ipv4Frame } from './test-packets.ts';

const TO = Buffer.from('0a0b0c0d0e0f', 'hex');

function seen(frame: Buffer, ...names: readonly Parameters<typeof outer.get>[1][]) {
  const fields = fieldsOf(frame);
  return names.map((name) => outer.get(fields, name));
}

t.test('addresses and the type of a frame', async (t) => {
  const fields = fieldsOf(frameTo(TO));
  t.equal(fields.length, FIELD_BYTES);
  t.same(fields.subarray(outer.byteOf('dmac_47_16')).subarray(0, 6), TO);
  t.equal(fields.toString('hex', 0, 6), '020000000099');
  t.same(seen(frameTo(TO), 'ethertype', 'ip_version', 'cvlan_tag'), [0x88b5, 0, 0]);
  t.same(fieldsOf(Buffer.alloc(10, 1)), Buffer.alloc(FIELD_BYTES), 'less than a header');
});

t.test('the tag of a VLAN, and the type behind it', async (t) => {
  const payload = Buffer.concat([Buffer.from('b12386dd', 'hex'), Buffer.alloc(46)]);
  const frame = frameTo(TO, payload, 0x8100);
  t.same(
    seen(frame, 'cvlan_tag', 'svlan_tag', 'first_prio', 'first_cfi', 'first_vid', 'ethertype'),
    [1, 0, 5, 1, 0x123, 0x86dd],
  );
  t.same(seen(frameTo(TO, payload, 0x88a8), 'cvlan_tag', 'svlan_tag'), [0, 1]);
});

t.test('IPv4, with ports where they are', async (t) => {
  const frame = ipv4Frame({ source: '1.2.3.4', target: '5.6.7.8', ports: [9, 10] });
  frame.writeUInt8(0xb9, 15);
  const fields = fieldsOf(frame);
  t.equal(outer.bytes(fields, 'src_ipv4_src_ipv6').toString('hex'), `${'0'.repeat(24)}01020304`);
  t.equal(outer.bytes(fields, 'dst_ipv4_dst_ipv6').toString('hex'), `${'0'.repeat(24)}05060708`);
  const names = ['ip_version', 'ip_protocol', 'ip_dscp', 'ip_ecn', 'ttl_hoplimit'] as const;
  t.same(seen(frame, ...names), [4, 17, 0x2e, 1, 64]);
  t.same(seen(frame, 'udp_sport', 'udp_dport', 'tcp_sport', 'frag'), [9, 10, 0, 0]);
  frame.writeUInt16BE(0x2000, 20);
  t.same(seen(frame, 'frag', 'udp_dport'), [1, 10], 'the first fragment has ports');
  frame.writeUInt16BE(0x0001, 20);
  t.same(seen(frame, 'frag', 'udp_dport'), [1, 0], 'others have not');
});

t.test('IPv6 and TCP', async (t) => {
  const packet = Buffer.alloc(60);
  packet.writeUInt32BE(0x6b9abcde, 0);
  packet.writeUInt8(6, 6);
  packet.writeUInt8(63, 7);
  packet.fill(0x11, 8, 24).fill(0x22, 24, 40);
  packet.writeUInt32BE(0x12345678, 40);
  packet.writeUInt16BE(0x5112, 52);
  const frame = frameTo(TO, packet, 0x86dd);
  const names = ['ip_version', 'ip_protocol', 'ip_dscp', 'ip_ecn', 'ttl_hoplimit'] as const;
  t.same(seen(frame, ...names), [6, 6, 0x2e, 1, 63]);
  t.same(seen(frame, 'tcp_sport', 'tcp_dport', 'tcp_flags'), [0x1234, 0x5678, 0x112]);
  const fields = fieldsOf(frame);
  t.same(outer.bytes(fields, 'src_ipv4_src_ipv6'), Buffer.alloc(16, 0x11));
  t.same(outer.bytes(fields, 'dst_ipv4_dst_ipv6'), Buffer.alloc(16, 0x22));
  t.equal(misc.get(fields.subarray(outer.sizeBytes), 'outer_ipv6_flow_label'), 0xabcde);
});
