import { spawnSync } from 'node:child_process';
import t from 'tap';
import { forkableNode, isKnown } from './forkable-node.ts';

/** What node is started with, whichever engine it has. */

t.test(
  'an option is known by its name, whatever its value and whether it is asked for or not',
  async (t) => {
    const isListed = isKnown(
      'Options:\n  --late (in time)\n        type: bool\n  --late-count (of)\n',
    );
    t.ok(isListed('--late'));
    t.ok(isListed('--no-late'));
    t.ok(isListed('--late-count=3'));
    t.notOk(isListed('--lat'));
    t.notOk(isListed('--early=3'));
  },
);

t.test('this node starts with all that it is given', async (t) => {
  for (const isEmulated of [false, true]) {
    const flags = forkableNode(isEmulated);
    const { status, stderr } = spawnSync(process.execPath, [...flags, '-e', '0'], {
      encoding: 'utf8',
    });
    t.equal(status, 0, stderr);
  }
  t.match(forkableNode(true), ['--single-threaded', '--v8-pool-size=0', '--no-sparkplug']);
});
