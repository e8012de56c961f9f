import t from 'tap';
import type { AnyStruct, Command } from './description.ts';
import {
  array,
  bits,
  chars,
  command,
  deviceBits,
  inline,
  nested,
  pointer,
  s8,
  s64,
  u8,
  u16,
  u32,
  u64,
  ulong,
} from './fields.ts';
import { Struct } from './layout.ts';
import { listHoles, listLeaves } from './leaves.ts';
import { nearestFirst } from './nearest.ts';

type Range = { start: bigint; length: number };

type Sample = {
  handle: number;
  flags: number;
  count: bigint;
  user: bigint;
  delta: bigint;
  small: number;
  name: string;
  ranges: Range[];
  raw: number[];
  table: number[][];
  addr: bigint;
  id: number;
  sub: number;
  low: number;
  high: number;
  long: bigint;
};

const range = new Struct<Range>({
  name: 'range',
  size: 16,
  size32: 12,
  fields: () => [u64('start', 0), u32('length', 8)],
});

const sample = new Struct<Sample>({
  name: 'sample',
  size: 128,
  size32: 104,
  fields: () => [
    u32('handle', 0),
    u32('flags', 4),
    u64('count', 8),
    pointer('user', 16),
    s64('delta', 24, 20),
    s8('small', 32, 28),
    chars('name', 7, 33, 29),
    array('ranges', nested('', range, 0), 2, 40, 36),
    array('raw', u8('', 0), 4, 72, 60),
    array('table', array('', u16('', 0), 2, 0), 2, 76, 64),
    inline(
      '',
      {
        name: '',
        size: 8,
        size32: 8,
        union: true,
        fields: () => [
          u64('addr', 0),
          inline(
            '',
            { name: '', size: 8, size32: 8, fields: () => [u32('id', 0), u32('sub', 4)] },
            0,
          ),
        ],
      },
      88,
      72,
    ),
    bits('low', { position: 96 * 8, position32: 80 * 8, width: 3 }),
    bits('high', { position: 96 * 8 + 3, position32: 80 * 8 + 3, width: 13, signed: true }),
    ulong('long', 104, 84),
  ],
});

t.test('what is set is read back, by name and by path', (t) => {
  const buf = sample.make({
    handle: 7,
    count: 2n ** 64n - 1n,
    delta: -5,
    small: -128,
    name: 'edu',
    ranges: [{ start: 4096 }, { start: 1n, length: 9 }],
    raw: Uint8Array.of(1, 2),
    table: [[1, 2], [3]],
    high: -4096,
    low: 5,
  });
  t.equal(buf.length, 128);
  t.strictSame(sample.decode(buf), {
    handle: 7,
    flags: 0,
    count: 2n ** 64n - 1n,
    user: 0n,
    delta: -5n,
    small: -128,
    name: 'edu',
    ranges: [
      { start: 4096n, length: 0 },
      { start: 1n, length: 9 },
    ],
    raw: [1, 2, 0, 0],
    table: [
      [1, 2],
      [3, 0],
    ],
    addr: 0n,
    id: 0,
    sub: 0,
    low: 5,
    high: -4096,
    long: 0n,
  });
  t.equal(sample.get(buf, 'ranges[1].length'), 9);
  t.equal(sample.get(buf, 'table[0][1]'), 2);
  sample.set(buf, 'ranges[0].start', 0x1_0000_0001);
  t.equal(buf.readBigUInt64LE(40), 0x1_0000_0001n);
  sample.set(buf, 'name', 'full-up');
  t.equal(sample.get(buf, 'name'), 'full-up');
  sample.set(buf, 'name', 'a');
  t.strictSame([...sample.bytes(buf, 'name')], [97, 0, 0, 0, 0, 0, 0]);
  t.end();
});

t.test('eight-byte integers are exact at their limits', (t) => {
  const buf = sample.make();
  for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2n ** 63n, 2n ** 64n - 1n]) {
    sample.set(buf, 'count', value);
    t.equal(sample.get(buf, 'count'), BigInt(value));
    t.equal(buf.readBigUInt64LE(8), BigInt(value));
  }
  for (const value of [-1, -(2 ** 32), -(2 ** 53) + 1, -(2n ** 63n), 2n ** 63n - 1n]) {
    sample.set(buf, 'delta', value);
    t.equal(sample.get(buf, 'delta'), BigInt(value));
    t.equal(buf.readBigInt64LE(24), BigInt(value));
  }
  t.end();
});

t.test('a value that does not fit is refused with its place', (t) => {
  const buf = sample.make();
  const loose: AnyStruct = sample;
  const refusals: readonly [path: string, value: unknown, message: RegExp][] = [
    [
      'handle',
      2 ** 32,
      /sample\.handle: 4294967296 is not an integer from 0 to 4294967295 \(u32\)/,
    ],
    ['handle', -1, /not an integer/],
    ['handle', 1.5, /not an integer/],
    ['handle', Number.NaN, /not an integer/],
    ['handle', '1', /"1" is not an integer/],
    ['count', -1, /\(u64\)/],
    ['count', 2n ** 64n, /\(u64\)/],
    ['count', 2 ** 53, /\(u64\)/],
    ['delta', 2n ** 63n, /\(s64\)/],
    ['small', 128, /\(s8\)/],
    ['name', 'too long', /at most 7 bytes/],
    ['raw', [1, 2, 3, 4, 5], /a list of 5 is not a list of at most 4/],
    ['raw', [1, 256], /sample\.raw\[1\]: 256/],
    ['ranges', [{ start: -1 }], /sample\.ranges\[0\]\.start: -1/],
    ['ranges', [7], /give an object with the fields of range/],
    ['low', 8, /from 0 to 7 \(u3\)/],
    ['high', 4096, /\(s13\)/],
    ['handel', 1, /sample has no field 'handel'; it has: handle, /],
    ['ranges[2].start', 1, /'ranges' has 2 elements/],
    ['ranges[0].size', 1, /range has no field 'size'/],
    ['handle[0]', 1, /'handle' is not an array/],
    ['handle.x', 1, /'handle' is not a struct/],
    ['ranges[0', 1, /not a path/],
  ];
  for (const [path, value, message] of refusals) {
    t.throws(() => loose.set(buf, path, value), { message }, path);
  }
  t.ok(
    buf.subarray(0, 32).every((byte) => byte === 0),
    'nothing was written',
  );
  t.equal(sample.has('ranges[1].start'), true);
  t.equal(sample.has('nothing'), false);
  t.end();
});

t.test('a union takes one member, and each is readable', (t) => {
  t.throws(() => sample.make({ addr: 1, id: 1 }), {
    message: /'addr' and 'member 1' share a union/,
  });
  const buf = sample.make({ id: 1, sub: 2 });
  t.equal(sample.get(buf, 'addr'), 0x2_0000_0001n);
  const choice = new Struct<{ one: number; two: number }>({
    name: 'choice',
    size: 4,
    size32: 4,
    union: true,
    fields: () => [u32('one', 0), u16('two', 0)],
  });
  t.throws(() => choice.make({ one: 1, two: 1 }), { message: /share a union/ });
  t.strictSame(choice.decode(choice.make({ one: 0x1_0002 })), { one: 0x1_0002, two: 2 });
  t.end();
});

t.test('the 32-bit view moves offsets and keeps types', (t) => {
  const compat = sample.abi32;
  t.equal(sample.abi32, compat);
  t.equal(compat.size, 104);
  const buf = compat.make({ user: 0xffff_ffff, delta: -1, ranges: [{}, { length: 3 }], low: 1 });
  t.equal(buf.readUInt32LE(16), 0xffff_ffff);
  t.equal(buf.readBigInt64LE(20), -1n);
  t.equal(buf.readUInt32LE(36 + 12 + 8), 3);
  t.equal(buf[80], 1);
  t.equal(compat.get(buf, 'user'), 0xffff_ffffn);
  t.throws(() => compat.make({ user: 2n ** 32n }), { message: /u32/ });
  t.end();
});

t.test('bits for a device lie from the highest of the first byte on', (t) => {
  const told = new Struct<Record<string, unknown>>({
    name: 'told',
    size: 12,
    size32: 12,
    fields: () => [
      deviceBits('opcode', 0, 16),
      deviceBits('middle', 21, 9),
      deviceBits('address', 32, 64),
    ],
  });
  const buf = told.make({ opcode: 0x102, middle: 0x1ff, address: 0x1122_3344_5566_7788n });
  t.equal(buf.toString('hex'), '010207fc1122334455667788');
  t.equal(told.get(buf, 'middle'), 0x1ff);
  t.equal(told.get(buf, 'address'), 0x1122_3344_5566_7788n);
  told.set(buf, 'middle', 1);
  t.equal(buf.readUInt16BE(2), 4, 'the bits about it stay');
  t.throws(() => told.set(buf, 'middle', 0x200), /0 to 511/);
  t.end();
});

t.test('a flexible array is as long as the buffer', (t) => {
  const list = new Struct<{ count: number; ranges: Range[] }>({
    name: 'list',
    size: 8,
    size32: 4,
    fields: () => [u32('count', 0), array('ranges', nested('', range, 0), 0, 8, 4)],
  });
  const buf = list.make({ count: 1, ranges: [{ start: 3 }] }, 8 + 16);
  t.strictSame(list.get(buf, 'ranges'), [{ start: 3n, length: 0 }]);
  t.strictSame(list.get(list.make(), 'ranges'), []);
  t.throws(() => list.make({ ranges: [{}] }), { message: /at most 0/ });
  t.equal(list.format(buf), 'count=1 ranges=[{start=3 length=0}]');
  t.end();
});

t.test('format is one line and bears a short buffer', (t) => {
  const buf = sample.make({ handle: 3, flags: 1, user: 4096, name: 'x' });
  t.match(sample.format(buf), /^handle=3 flags=0x1 count=0 user=0x1000 delta=0 small=0 name="x" /);
  t.match(sample.format(buf), /\{addr=0x0\|\{id=0 sub=0\}\} low=0/);
  t.match(sample.format(buf.subarray(0, 8)), /^handle=3 flags=0x1 count=\? user=\?/);
  t.end();
});

t.test('leaves and holes cover every byte', (t) => {
  const paths = listLeaves(sample).map(({ path, offset }) => `${path}@${offset}`);
  t.strictSame(paths.slice(6, 12), [
    'name@33',
    'ranges[0].start@40',
    'ranges[0].length@48',
    'ranges[1].start@56',
    'ranges[1].length@64',
    'raw@72',
  ]);
  t.ok(paths.includes('sub@92'));
  t.strictSame(listHoles(sample), [
    { offset: 52, size: 4 },
    { offset: 68, size: 4 },
    { offset: 84, size: 4 },
    { offset: 98, size: 6 },
    { offset: 112, size: 16 },
  ]);
  t.end();
});

t.test('a command takes its number apart', (t) => {
  const close: Command<Range> = command('CLOSE', 0x40086409, 0x40086409, 'struct range', range);
  const listed: readonly Command[] = [close];
  t.match(listed[0], { direction: 'write', type: 0x64, nr: 9, size: 8, request: 0x40086409 });
  t.equal(command('MAP', 0xc0106441).direction, 'readwrite');
  t.equal(command('GET', 0x80106441).direction, 'read');
  t.equal(command('ENABLE', 0x6900).direction, 'none');
  t.equal('struct' in command('ENABLE', 0x6900), false);
  t.end();
});

t.test('misspelt names are offered the nearest first', (t) => {
  t.strictSame(nearestFirst('flgs', ['handle', 'flags', 'size'])[0], 'flags');
  t.end();
});
