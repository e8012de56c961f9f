import t from 'tap';
import { isWholeMachine } from './privilege.ts';

t.test('root of a container is not root of the machine', async (t) => {
  t.equal(isWholeMachine('         0          0 4294967295\n'), true);
  t.equal(isWholeMachine('         0     100000      65536\n'), false);
  t.equal(
    isWholeMachine('         0       1000          1\n         1     100000      65536\n'),
    false,
  );
});
