import t from 'tap';
import { randomNumbers, shuffle } from './shuffle.ts';

t.test('shuffled orders are equally likely', async (t) => {
  const random = randomNumbers(1);
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = shuffle([1, 2, 3], random).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  t.equal(counts.size, 6);
  for (const [order, count] of counts) t.ok(count > 900 && count < 1100, `${order}: ${count}`);
  t.equal(randomNumbers(0)(), 1144304738 / 2 ** 32, 'the first number of mulberry32(0)');
});
