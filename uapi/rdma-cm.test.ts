import t from 'tap';
import { CallLog, setCallLog } from './call-log.ts';
import { LayoutError } from './codec.ts';
import { E } from './errno.ts';
import { rdma_ucm_cmd_hdr, rdma_ucm_query_addr_resp } from './headers/rdma/rdma-user-cm.ts';
import { ipv6Bytes, ipv6Text } from './ip-address.ts';
import { buildCm, cmResponse, tryCm } from './rdma-cm.ts';
import { CM_COMMANDS, isCmCommand } from './rdma-cm-commands.ts';
import { packSocketAddress, socketAddressText } from './socket-address.ts';

t.test('IPv6 addresses go to bytes and back to their shortest text', (t) => {
  const texts = [
    ['::', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['fe80:0:0:0:0:0:0:1', 'fe80::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
    ['::ffff:10.7.1.1', '::ffff:10.7.1.1'],
    ['::ffff:a07:101', '::ffff:10.7.1.1'],
    ['0:0:1::', '0:0:1::'],
  ] as const;
  for (const [text, shortest] of texts) t.equal(ipv6Text(ipv6Bytes(text)), shortest, text);
  t.throws(() => ipv6Bytes('10.7.1.1'), RangeError, 'IPv4 is no IPv6');
  t.throws(() => ipv6Bytes('fe80::1%2'), RangeError, 'a scope is no part of the address');
  t.end();
});

t.test('socket addresses go to bytes and back', (t) => {
  const cases = [
    { text: '10.7.1.1:7471', size: 16, head: '02001d2f0a070101' },
    { text: '[fd00::1]:7471', size: 28, head: '0a001d2f00000000fd00' },
    { text: '[fe80::1%3]:1', size: 28, head: '0a00000100000000fe80' },
    { text: 'ib:[fe80::2]/0x1061d2f', size: 48, head: '1b00ffff00000000fe80' },
  ];
  for (const { text, size, head } of cases) {
    const bytes = packSocketAddress(text);
    t.equal(bytes.length, size, `${text}: length`);
    t.equal(bytes.toString('hex', 0, head.length / 2), head, `${text}: bytes`);
    t.equal(socketAddressText(bytes), text, `${text}: text`);
  }
  t.equal(socketAddressText(packSocketAddress('10.7.1.1')), '10.7.1.1:0', 'port 0 by default');
  t.equal(socketAddressText(Buffer.alloc(28)), '', 'no family, no address');
  for (const wrong of ['10.7.1', '10.7.1.1:70000', 'fd00::1', '[fd00::1', 'name:1']) {
    t.throws(() => packSocketAddress(wrong), RangeError, wrong);
  }
  t.end();
});

t.test('a command is a header, the request, and room for the answer', (t) => {
  const call = buildCm('RDMA_USER_CM_CMD_CREATE_ID', { uid: 7n, ps: 0x106 });
  t.same(rdma_ucm_cmd_hdr.decode(call.bytes), { cmd: 0, in: 24, out: 4 });
  t.equal(call.bytes.length, 32);
  t.not(call.bytes.readBigUInt64LE(16), 0n, 'it knows where the answer goes');
  call.response.writeUInt32LE(9, 0);
  t.same(cmResponse(call), { id: 9 });

  const short = buildCm('RDMA_USER_CM_CMD_CREATE_ID', { response: 0n }, { cmd: 99, out: 3 });
  t.same(rdma_ucm_cmd_hdr.decode(short.bytes), { cmd: 99, in: 24, out: 3 });
  t.equal(short.bytes.readBigUInt64LE(16), 0n, 'an address that is given stays');
  t.equal(short.response.length, 4, 'the buffer is never smaller than the answer');
  t.throws(() => buildCm('RDMA_USER_CM_CMD_LISTEN', { ids: 1 }), LayoutError);
  t.end();
});

t.test('addresses are texts both ways, also by path', (t) => {
  const { bytes } = buildCm('RDMA_USER_CM_CMD_BIND', {
    id: 1,
    addr: '10.7.1.1:7471',
  });
  t.equal(bytes.toString('hex', 16, 24), '02001d2f0a070101');
  t.equal(bytes.readUInt16LE(12), 16, 'the length of the address is filled in');
  const connect = buildCm('RDMA_USER_CM_CMD_CONNECT', { 'conn_param.qp_num': 17 });
  t.equal(connect.bytes.readUInt32LE(8), 17);
  const query = buildCm('RDMA_USER_CM_CMD_QUERY', { id: 1, option: 0 });
  rdma_ucm_query_addr_resp.bytes(query.response, 'src_addr').set(packSocketAddress('[fd00::1]:80'));
  t.match(cmResponse(query), { src_addr: '[fd00::1]:80', dst_addr: '' });
  t.end();
});

t.test('an option may be bytes', (t) => {
  const value = Buffer.from([4]);
  const call = buildCm('RDMA_USER_CM_CMD_SET_OPTION', { id: 1, optval: value });
  t.equal(call.bytes.readUInt32LE(8 + 20), 1, 'its length is filled in');
  t.same(call.pointees, [value], 'and it is kept');
  t.end();
});

t.test('every number of the table is its own', (t) => {
  const numbers = Object.values(CM_COMMANDS).map(({ number }) => number);
  t.same(
    numbers,
    numbers.map((_, i) => i),
  );
  t.ok(isCmCommand('RDMA_USER_CM_CMD_QUERY'));
  t.notOk(isCmCommand('toString'));
  t.end();
});

t.test('a call is logged by its name, decoded', (t) => {
  const log = new CallLog(4);
  setCallLog(log);
  t.teardown(() => setCallLog(undefined));
  const refused = tryCm(-1, 'RDMA_USER_CM_CMD_BIND_IP', { id: 3, addr: '10.7.1.1:1' });
  t.match(refused, { ok: false, errno: E.EBADF, call: 'RDMA_USER_CM_CMD_BIND_IP' });
  const [record] = log.entries();
  t.equal(record?.command, 'RDMA_USER_CM_CMD_BIND_IP');
  t.match(record?.decodedInput(), { id: 3, addr: '10.7.1.1:1' });
  t.match(String(record), 'addr=10.7.1.1:1');
  t.end();
});
