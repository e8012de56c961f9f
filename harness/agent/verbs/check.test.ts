import t from 'tap';
import { Scope } from '../scope.ts';
import type { PointContext } from '../verb.ts';
import { oneOf } from './check.ts';

const scope = new Scope();
scope.set('status', 'flushed');
const context = { scope } as PointContext;

t.test('one of several is taken, in any place', async (t) => {
  t.equal(oneOf(['$status', 'success', 'flushed'], context).kind, 'gave');
  t.equal(oneOf([4, '0x10', '4'], context).kind, 'gave');
});

t.test('none of several is told with all of them', async (t) => {
  t.match(oneOf(['$status', 'success', 'general-error'], context), {
    kind: 'mismatch',
    expected: '$status = success or general-error',
    actual: /flushed/,
  });
});
