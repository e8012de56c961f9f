import t from 'tap';
import { isInShard, parseShard } from './shard.ts';

for (const [text, want] of [
  ['1/1', { index: 1, of: 1 }],
  ['2/5', { index: 2, of: 5 }],
  ['0/5', undefined],
  ['6/5', undefined],
  ['2', undefined],
  ['2/5/1', undefined],
  ['-1/5', undefined],
  ['', undefined],
] as const) {
  t.test(`'${text}' is ${want ? 'a shard' : 'none'}`, async (t) => {
    t.strictSame(parseShard(text), want);
  });
}

t.test('each case is in one shard, always the same, and shards are of a size', async (t) => {
  const ids = Array.from({ length: 1000 }, (_, at) => `area/topic/case-${at}`);
  const shards = [1, 2, 3, 4, 5].map((index) =>
    ids.filter((id) => isInShard(id, { index, of: 5 })),
  );
  t.strictSame(shards.flat().sort(), [...ids].sort());
  for (const cases of shards) t.ok(cases.length > 150 && cases.length < 250, `${cases.length}`);
  t.ok(isInShard('dma-buf/export/twice', { index: 1, of: 5 }), 'not even a new version parts anew');
});
