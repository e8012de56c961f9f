import t from 'tap';
import { BitStruct } from './bit-struct.ts';

const struct = new BitStruct(0x80, {
  low: [0x18, 0x8],
  flag: [0x20, 0x1],
  word: [0x40, 0x20],
  list: [0x60, 0x10],
  wide: [0x40, 0x40],
});

t.test('fields are counted from the highest bit of the first byte', async (t) => {
  const buf = struct.make({ low: 0xab, flag: 1 });
  t.equal(buf.toString('hex'), '000000ab800000000000000000000000');
  t.equal(struct.get(buf, 'low'), 0xab);
  t.equal(struct.get(buf, 'flag'), 1);
});

t.test('a field is set without its neighbours, and cut to its bits', async (t) => {
  const buf = Buffer.alloc(16, 0xff);
  struct.set(buf, 'flag', 0);
  struct.set(buf, 'low', 0x100);
  t.equal(buf.toString('hex'), 'ffffff007fffffffffffffffffffffff');
});

t.test('words, wide fields and lists', async (t) => {
  const buf = struct.make();
  struct.set(buf, 'word', -1);
  t.equal(struct.get(buf, 'word'), 0xffff_ffff);
  struct.set(buf, 'list', 7, 1);
  t.equal(struct.get(buf, 'list', 1), 7);
  t.equal(struct.big(buf, 'wide'), 0xffff_ffff_0000_0007n);
  struct.setBig(buf, 'wide', 5n);
  t.equal(struct.bytes(buf, 'wide').toString('hex'), '0000000000000005');
});

t.test('behind the end of a short buffer all is zero', async (t) => {
  t.equal(struct.get(Buffer.alloc(4), 'word'), 0);
  t.equal(struct.big(Buffer.alloc(12), 'wide'), 0n);
});
