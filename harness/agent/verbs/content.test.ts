import t from 'tap';
import { MAP_ANONYMOUS, MAP_PRIVATE } from '../../../uapi/constants.ts';
import { Mapping } from '../../../uapi/mapping.ts';
import { Scope } from '../scope.ts';
import type { PointContext } from '../verb.ts';
import { bytes } from './content.ts';

t.test('a guard is checked on both sides of the range, and only there', async (t) => {
  using mapping = Mapping.map({ fd: -1, length: 4096, flags: MAP_PRIVATE | MAP_ANONYMOUS });
  const scope = new Scope();
  scope.set('view', { kind: 'mapping', mapping });
  const context = { scope } as PointContext;
  mapping.fill(64, 100, 0xff);
  for (const [stray, expected] of [
    [undefined, undefined],
    [63, 'the first at offset 63'],
    [164, 'the first at offset 164'],
    [4095, 'the first at offset 4095'],
    [100, 'the first at offset 100'],
  ] as const) {
    const before = stray === undefined ? 0 : mapping.readU8(stray);
    if (stray !== undefined) mapping.writeU8(stray, 7);
    const range = { mapping: '$view', offset: 64, length: 100, pattern: 'ones' };
    const result = bytes({ ...range, around: 'zero' }, context);
    t.equal(result.kind, expected === undefined ? 'gave' : 'mismatch', `stray at ${stray}`);
    if (expected !== undefined) t.match(result, { actual: new RegExp(expected) });
    if (stray !== undefined) mapping.writeU8(stray, before);
  }
});
