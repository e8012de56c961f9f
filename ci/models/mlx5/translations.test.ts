import t from 'tap';
import { Translations } from './translations.ts';

const ENTRY = 8;
const number = (value: number) => {
  const entry = Buffer.alloc(ENTRY);
  entry.writeUInt32BE(value, 4);
  return entry;
};
const at = (table: Translations, index: number) => table.entry(index, ENTRY)?.readUInt32BE(4);

t.test('entries are where they were written, and nothing anywhere else', async (t) => {
  const table = new Translations(2 ** 21);
  t.equal(table.write(4096 - ENTRY, Buffer.concat([number(1), number(2)])), true, 'over an edge');
  t.same([at(table, 510), at(table, 511), at(table, 512), at(table, 513)], [0, 1, 2, 0]);
  t.equal(at(table, 2 ** 18 - 1), 0);
  t.equal(at(table, 2 ** 18), undefined, 'there are no more');
});

t.test('what is cleared is gone, and its neighbours are not', async (t) => {
  const table = new Translations(8192);
  table.write(0, Buffer.concat([number(1), number(2)]));
  table.write(0, Buffer.alloc(ENTRY));
  t.same([at(table, 0), at(table, 1)], [0, 2]);
  table.write(0, Buffer.alloc(8192));
  t.same([at(table, 0), at(table, 1)], [0, 0]);
});

t.test('a list that is longer than the table is not written at all', async (t) => {
  const table = new Translations(64);
  t.equal(table.write(8, Buffer.alloc(64, 0xff)), false);
  t.equal(at(table, 1), 0);
  t.equal(table.head(100).length, 64);
});
