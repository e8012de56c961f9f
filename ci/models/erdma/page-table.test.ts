import t from 'tap';
import { Refusal } from '../refusal.ts';
import { readQueueBuffer, readTable } from './page-table.ts';

const PAGE = 4096;
const PER_PAGE = PAGE / 8;

/** Tables as erdma_create_mtt() makes them: the lowest level first, each page of it in the next. */
function tables(count: number, levels: number) {
  const memory = new Map<number, Buffer>();
  let next = 0x10_0000;
  let entries = Array.from({ length: count }, (_, i) => BigInt(i + 1) << 12n);
  for (let level = 0; level < levels; level++) {
    const pages: bigint[] = [];
    for (let first = 0; first < entries.length; first += PER_PAGE) {
      const bytes = Buffer.alloc(PAGE);
      for (const [i, entry] of entries.slice(first, first + PER_PAGE).entries()) {
        bytes.writeBigUInt64LE(entry, i * 8);
      }
      memory.set(next, bytes);
      pages.push(BigInt(next));
      // Not in a row, as the kernel's pages are not.
      next += 2 * PAGE;
    }
    entries = pages;
  }
  const read = (address: number, length: number) => memory.get(address)?.subarray(0, length);
  return { read, top: Number(entries[0]) };
}

t.test('tables of up to three levels are followed', async (t) => {
  for (const [count, levels] of [
    [5, 1],
    [PER_PAGE, 1],
    [PER_PAGE + 1, 2],
    [PER_PAGE * 3, 2],
    [PER_PAGE * PER_PAGE + 1, 3],
  ] as const) {
    const { read, top } = tables(count, levels);
    const entries = readTable(read, top, count, levels, PAGE);
    t.equal(entries.length, count);
    t.equal(entries.at(-1), BigInt(count) << 12n);
  }
  const { read, top } = tables(PER_PAGE + 1, 2);
  t.throws(() => readTable(read, top + 1, PER_PAGE + 1, 2, PAGE), Refusal, 'not reached');
  t.throws(() => readTable(read, top, PER_PAGE * 4, 2, PAGE), Refusal, 'ends too early');
  t.throws(() => readTable(read, top, PER_PAGE * PER_PAGE + 1, 2, PAGE), Refusal, 'too many');
});

t.test('a queue lies in pages of the command, or of a table', async (t) => {
  const { read, top } = tables(6, 1);
  const buffer = {
    shift: 12,
    firstOffset: 0x800,
    count: 2,
    isIndirect: false,
    address: 0x7000,
    more: [0x9000n],
    bytes: 0x1000,
  };
  const direct = readQueueBuffer(read, buffer);
  t.same([...direct.pieces(0x7e0, 32)], [{ address: 0x7fe0, length: 32 }]);
  t.same([...direct.pieces(0x800, 32)], [{ address: 0x9000, length: 32 }]);
  const indirect = readQueueBuffer(read, { ...buffer, isIndirect: true, count: 6, address: top });
  t.same([...indirect.pieces(0x800, 32)], [{ address: 0x2000, length: 32 }]);
  t.throws(() => readQueueBuffer(read, { ...buffer, bytes: 0x2000 }), Refusal, 'too short');
  t.throws(() => readQueueBuffer(read, { ...buffer, count: 3 }), Refusal, 'more than there are');
  t.throws(() => readQueueBuffer(read, { ...buffer, firstOffset: 0x1000 }), Refusal);
});
