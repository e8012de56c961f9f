import t from 'tap';
import type { FlowRule } from './flow-rules.ts';
import { RuleList } from './rule-list.ts';

function rule(tag: number): FlowRule {
  const value = Buffer.alloc(0);
  return { group: 0, value, action: 0, tag, destinations: [], counters: [] };
}

t.test('rules are in the order of their indices, however they came and went', async (t) => {
  const list = new RuleList();
  for (const index of [7, 2, 2 ** 20, 0, 11, 10]) t.equal(list.add(index, rule(index)), true);
  const tags = () => [...list].map(({ tag }) => tag);
  t.strictSame(tags(), [0, 2, 7, 10, 11, 2 ** 20]);
  t.equal(list.delete(7), true);
  t.equal(list.delete(7), false, 'there is none any more');
  t.strictSame(tags(), [0, 2, 10, 11, 2 ** 20]);
  t.equal(list.add(7, rule(70)), true);
  t.strictSame(tags(), [0, 2, 70, 10, 11, 2 ** 20]);
});

t.test('an index has one rule', async (t) => {
  const list = new RuleList();
  list.add(1, rule(1));
  t.equal(list.add(1, rule(2)), false);
  t.equal(list.get(1)?.tag, 1);
  t.equal(list.get(2), undefined);
});
