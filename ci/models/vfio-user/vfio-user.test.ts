import { closeSync } from 'node:fs';
import t from 'tap';
import { E } from '../../../uapi/errno.ts';
import { VFIO_PCI_CONFIG_REGION_INDEX } from '../../../uapi/headers/linux/vfio.ts';
import { ftruncate } from '../../../uapi/sys-file.ts';
import { memfdCreate } from '../../../uapi/sys-memory.ts';
import { ConfigSpace } from './config-space.ts';
import type { DeviceModel } from './device.ts';
import { GuestMemory } from './guest-memory.ts';
import { COMMAND, FramingError, makeReply, takeMessage } from './protocol.ts';
import { Server } from './server.ts';

function message(command: number, body: Buffer, flags = 0): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt16LE(7, 0);
  header.writeUInt16LE(command, 2);
  header.writeUInt32LE(16 + body.length, 4);
  header.writeUInt32LE(flags, 8);
  return Buffer.concat([header, body]);
}

t.test('messages are told apart', async (t) => {
  const bytes = Buffer.concat([message(9, Buffer.from('abc')), message(13, Buffer.alloc(0), 0x10)]);
  const first = takeMessage(bytes);
  t.match(first, { taken: 19, message: { id: 7, command: 9, wantsReply: true, isReply: false } });
  t.same(first?.message.body.toString(), 'abc');
  t.match(takeMessage(bytes.subarray(19)), { taken: 16, message: { wantsReply: false } });
  t.equal(takeMessage(bytes.subarray(0, 15)), undefined, 'a header in parts is waited for');
  t.equal(takeMessage(bytes.subarray(0, 18)), undefined, 'and a body');
  const short = message(1, Buffer.alloc(0));
  short.writeUInt32LE(15, 4);
  t.throws(() => takeMessage(short), FramingError, 'no message is shorter than its header');
});

t.test('a reply has the id, the command and the error of what it answers', async (t) => {
  const taken = takeMessage(message(8, Buffer.from('x')));
  if (taken === undefined) throw new Error('no message');
  const reply = makeReply(taken.message, Buffer.from('yz'), E.EINVAL);
  t.same([reply.readUInt16LE(0), reply.readUInt16LE(2), reply.readUInt32LE(4)], [7, 8, 18]);
  t.same([reply.readUInt32LE(8), reply.readUInt32LE(12)], [0x21, E.EINVAL]);
  t.equal(makeReply(taken.message, Buffer.alloc(0)).readUInt32LE(8), 1, 'no flag without an error');
});

interface Written {
  readonly bar: number;
  readonly offset: number;
  readonly text: string;
}

/** A device that remembers what it was told. */
function makeDevice(log: { written: Written[]; resets: number }): DeviceModel {
  return {
    identity: {
      vendorId: 0x1234,
      deviceId: 0x5678,
      subsystemVendorId: 1,
      subsystemId: 2,
      revision: 3,
      classCode: 0x028000,
    },
    bars: [
      { index: 0, sizeBytes: 0x4000, is64Bit: false, isPrefetchable: false },
      { index: 2, sizeBytes: 2 ** 33, is64Bit: true, isPrefetchable: true },
    ],
    msix: { vectors: 3, bar: 0, tableOffset: 0x2000, pendingOffset: 0x3000 },
    readBar: (_bar, _offset, count) => Buffer.alloc(count, 0x5a),
    writeBar: (bar, offset, data) => {
      log.written.push({ bar, offset, text: data.toString() });
    },
    reset: () => {
      log.resets++;
    },
  };
}

t.test('the configuration space keeps what cannot be written', async (t) => {
  const log = { written: [], resets: 0 };
  const space = new ConfigSpace(makeDevice(log), () => log.resets++);
  t.equal(space.read(0, 4).readUInt32LE(), 0x5678_1234);
  space.write(0, Buffer.alloc(4, 0xff));
  t.equal(space.read(0, 4).readUInt32LE(), 0x5678_1234, 'the ids stay');
  space.write(0x10, Buffer.alloc(4, 0xff));
  t.equal(space.read(0x10, 4).readUInt32LE(), 0xffff_c000, 'all ones tell the size of a BAR');
  space.write(0x18, Buffer.alloc(8, 0xff));
  t.equal(space.read(0x18, 8).readBigUInt64LE(), 0xffff_fffe_0000_000cn, 'and of a wide one');
  space.write(0x12, Buffer.from([0xfe]));
  t.equal(space.read(0x10, 4).readUInt32LE(), 0xfffe_c000, 'bytes can be written alone');
  const msix = space.read(0x82, 2).readUInt16LE();
  t.equal(msix & 0x7ff, 2, 'the last vector');
  space.write(0x48, Buffer.from([0, 0x80]));
  t.equal(log.resets, 1, 'the function is reset through the PCI Express capability');
  space.reset();
  t.equal(space.read(0x10, 4).readUInt32LE(), 0);
});

t.test('a BAR is where the guest has put it, while its memory is on', async (t) => {
  const space = new ConfigSpace(makeDevice({ written: [], resets: 0 }), () => {});
  const wide = Buffer.alloc(8);
  wide.writeBigUInt64LE(0x12_0000_0000n);
  space.write(0x18, wide);
  space.write(0x10, Buffer.from([0, 0, 0x10, 0xfe]));
  t.equal(space.barAddress(0), undefined, 'memory is off');
  space.write(0x04, Buffer.from([2]));
  t.equal(space.barAddress(0), 0xfe10_0000);
  t.equal(space.barAddress(2), 0x12_0000_0000, 'of 64 bits, without its flags');
  space.write(0x04, Buffer.from([0]));
  t.equal(space.barAddress(2), undefined);
});

t.test('guest memory is reached piece by piece', async (t) => {
  const memory = new GuestMemory();
  const fd = memfdCreate('guest-memory-test');
  ftruncate(fd, 0x4000);
  const map = (address: bigint, size: bigint, fileOffset: bigint, prot = 3) =>
    memory.map({ address, size, fileOffset, prot, fd });
  t.equal(map(0x10000n, 0x1000n, 0x2000n), 0);
  t.equal(map(0x11000n, 0x1000n, 0n), 0);
  t.equal(map(0x20000n, 0x1000n, 0x1000n, 1), 0);
  t.equal(map(0x10800n, 0x1000n, 0n), E.EEXIST, 'pieces do not overlap');
  t.equal(map(0x30000n, 0n, 0n), E.EINVAL, 'nothing is no piece');
  closeSync(fd);
  t.equal(memory.write(0x10ffe, Buffer.from('abcd')), true, 'across two pieces');
  t.equal(memory.read(0x10ffe, 4)?.toString(), 'abcd');
  t.equal(memory.read(0x11000, 2)?.toString(), 'cd', 'which are where they were mapped');
  t.equal(memory.read(0x11ffe, 4), undefined, 'beyond the end');
  t.equal(memory.write(0x20000, Buffer.from('x')), false, 'a piece for reading only');
  for (const [at, last] of [
    [0x10004, 0],
    [0x10104, 4],
    [0x10204, 8],
  ] as const) {
    t.equal(memory.publish(at, Buffer.from('an entry of a queue'), last), true);
    const text = memory.read(at, 19)?.toString();
    t.equal(text, 'an entry of a queue', `whole, with word ${last} at the end`);
  }
  t.equal(memory.publish(0x11ffc, Buffer.from('lastlost')), false, 'an entry beyond the end');
  t.same(memory.read(0x11ffc, 4), Buffer.alloc(4), 'is not said to be there');
  t.equal(memory.publish(0x20000, Buffer.from('last')), false, 'nor one for reading only');
  memory.unmap({ address: 0x10000n, size: 0x1000n });
  t.equal(memory.read(0x10004, 4), undefined, 'what was taken away');
  t.equal(memory.read(0x11000, 2)?.toString(), 'cd', 'what was not');
  memory.unmapAll();
  t.equal(memory.read(0x11000, 2), undefined);
});

t.test('what is wrong is answered with an error', async (t) => {
  const log: { written: Written[]; resets: number } = { written: [], resets: 0 };
  const server = new Server(
    () => makeDevice(log),
    () => {},
  );
  const ask = (command: number, body: Buffer, fds: readonly number[] = []) => {
    const taken = takeMessage(message(command, body));
    if (taken === undefined) throw new Error('no message');
    const reply = server.answer(taken.message, fds);
    return { errno: reply.readUInt32LE(12), body: reply.subarray(16) };
  };
  const access = (region: number, offset: bigint, count: number, data = Buffer.alloc(0)) => {
    const head = Buffer.alloc(16);
    head.writeBigUInt64LE(offset, 0);
    head.writeUInt32LE(region, 8);
    head.writeUInt32LE(count, 12);
    return Buffer.concat([head, data]);
  };
  t.equal(ask(99, Buffer.alloc(0)).errno, E.EOPNOTSUPP, 'an unknown command');
  t.equal(ask(COMMAND.REGION_READ, Buffer.alloc(3)).errno, E.EINVAL, 'a short body');
  t.equal(ask(COMMAND.REGION_READ, access(0, 0x3ffen, 4)).errno, E.EINVAL, 'beyond a BAR');
  t.equal(ask(COMMAND.REGION_READ, access(1, 0n, 4)).errno, E.EINVAL, 'a BAR that is not there');
  const wrong = access(0, 0n, 8, Buffer.alloc(4));
  t.equal(ask(COMMAND.REGION_WRITE, wrong).errno, E.EINVAL, 'less data than announced');
  t.equal(ask(COMMAND.DEVICE_GET_REGION_INFO, Buffer.alloc(32, 0xff)).errno, E.EINVAL);
  t.equal(ask(COMMAND.DEVICE_GET_IRQ_INFO, Buffer.alloc(16, 0xff)).errno, E.EINVAL);
  t.same(log.written, [], 'none of them reached the device');
  const good = ask(COMMAND.REGION_WRITE, access(0, 8n, 4, Buffer.from('good')));
  t.equal(good.errno, 0);
  t.same(log.written, [{ bar: 0, offset: 8, text: 'good' }]);
  t.equal(
    ask(COMMAND.REGION_READ, access(0, 0n, 4))
      .body.subarray(16)
      .toString(),
    'ZZZZ',
  );
  const id = ask(COMMAND.REGION_READ, access(VFIO_PCI_CONFIG_REGION_INDEX, 0n, 2)).body;
  t.equal(id.readUInt16LE(16), 0x1234);
  t.equal(ask(COMMAND.DEVICE_RESET, Buffer.alloc(0)).errno, 0);
  t.equal(log.resets, 1);
});
