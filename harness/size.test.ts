import t from 'tap';
import { durationMs } from './duration.ts';
import { evaluateSize, parseSize } from './size.ts';

const PAGE_SIZE = 4096;
const named: Readonly<Record<string, bigint>> = { 'buffer.size': 8192n, count: 3n };

const sizes: readonly (readonly [string, bigint])[] = [
  ['0', 0n],
  ['4096', 4096n],
  ['0x1fF', 511n],
  ['512B', 512n],
  ['64KiB', 65536n],
  ['64 KiB', 65536n],
  ['2MiB', 2097152n],
  ['1GiB', 1073741824n],
  ['page', 4096n],
  ['1 page', 4096n],
  ['2 pages', 8192n],
  ['2pages', 8192n],
  ['page+1', 4097n],
  ['page - 1', 4095n],
  ['-page', -4096n],
  ['-1', -1n],
  ['$buffer.size', 8192n],
  ['$buffer.size+2 pages-1', 16383n],
  ['$buffer.size-$count', 8189n],
  ['0xffffffffffffffff', 2n ** 64n - 1n],
  ['0xffffffffffffffff+1', 2n ** 64n],
];

t.test('sizes are what they say', async (t) => {
  for (const [text, bytes] of sizes) {
    t.equal(
      evaluateSize(parseSize(text), (path) => named[path] ?? 0n, PAGE_SIZE),
      bytes,
      text,
    );
  }
});

const refused: readonly (readonly [string, string])[] = [
  ['', "'' is no term of a size"],
  ['4k', "'k' is no unit"],
  ['4kB', "'kB' is no unit"],
  ['pages', "'pages' is no term of a size"],
  ['page+', "'' in 'page+' is no term of a size"],
  ['page++1', "'' in 'page++1' is no term of a size"],
  ['1.5MiB', "'1.5MiB' is no term of a size"],
  ['two pages', "'two pages' is no term of a size"],
  ['2  pages', "'2  pages' is no term of a size"],
  ['page*2', "'page*2' is no term of a size"],
  ['$Buffer', "'$Buffer' is no term of a size"],
  [' page', "' page' is no term of a size"],
];

t.test('texts that are no sizes are refused with the part that is wrong', async (t) => {
  for (const [text, says] of refused) {
    t.throws(() => parseSize(text), {
      name: 'SizeError',
      message: new RegExp(`^${quoted(says)};`),
    });
  }
});

function quoted(text: string): string {
  return text.replaceAll(/[.*+?^$()[\]{}|\\]/g, '\\$&');
}

t.test('durations are milliseconds', async (t) => {
  t.equal(durationMs('10ms'), 10);
  t.equal(durationMs('2s'), 2000);
  t.equal(durationMs('500us'), 0.5);
  for (const text of ['', '10', '1.5s', '1 s', '1m', '-1s']) t.equal(durationMs(text), undefined);
});
