import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED } from './constants.ts';
import { FORKABLE_NODE } from './forkable-node.ts';
import { Mapping } from './mapping.ts';
import { projectRoot } from './project-root.ts';
import { reap, sleepMs } from './sys-child.ts';
import { currentPid, exitNow, killSelf, tryFork } from './sys-fork.ts';

/** What JavaScript can still do in a fork, and what it shares with the process that it comes from. */

/** Forks, has the child work, and waits for how it ends. */
function forked(work: () => void): string {
  const { ret } = tryFork();
  if (ret === 0) {
    try {
      work();
      exitNow(0);
    } catch {
      exitNow(1);
    }
  }
  for (;;) {
    const how = reap(ret);
    if (how !== undefined) return how;
    sleepMs(1);
  }
}

/** This process's private memory without a file, and the kernel's flags of each piece. */
function privateMemory() {
  const pieces = readFileSync('/proc/self/smaps', 'latin1').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const anonymous = pieces.filter((piece) => / ...p 0+ 00:00 0 *\n/.test(piece));
  return anonymous.map((piece) => ({
    range: piece.split(' ', 1)[0] ?? '',
    flags: /^VmFlags: (.*)$/m.exec(piece)?.[1]?.split(' ') ?? [],
  }));
}

function memory(flags: number): Mapping {
  return Mapping.map({ fd: -1, length: 4096, flags: flags | MAP_ANONYMOUS });
}

t.test('a child has its own id, and ends as it says', async (t) => {
  const shared = memory(MAP_SHARED);
  t.equal(
    forked(() => shared.write(0, Buffer.from(String(currentPid())))),
    'exit',
  );
  const child = Number.parseInt(Buffer.from(shared.read(0, 16)).toString(), 10);
  t.not(child, process.pid);
  t.equal(currentPid(), process.pid);
  t.equal(
    forked(() => exitNow(3)),
    'exit 3',
  );
  t.equal(forked(killSelf), 'SIGKILL');
});

t.test('shared memory is one, private memory is two', async (t) => {
  for (const [flags, seen] of [
    [MAP_SHARED, 7],
    [MAP_PRIVATE, 1],
  ] as const) {
    const mapping = memory(flags);
    mapping.write(0, Uint8Array.of(1));
    t.equal(
      forked(() => mapping.write(0, Uint8Array.of(7))),
      'exit',
    );
    t.equal(mapping.read(0, 1)[0], seen);
  }
});

t.test('the heap is whole in every child, whatever it grew by before', async (t) => {
  const kept: number[][] = [];
  for (let round = 0; round < 100; round++) {
    for (let i = 0; i < 500; i++) kept.push([round, i]);
    const how = forked(() => {
      const copies = Array.from({ length: 3 }, () => kept.map(([a = 0, b = 0]) => [b, a]));
      if (copies.some((copy) => copy.length !== (round + 1) * 500)) exitNow(2);
    });
    if (how !== 'exit') t.fail(`child ${round} ended by ${how}`);
  }
  t.equal(kept.length, 50_000);
});

t.test('a child gets all memory, also what the engine came by after the first fork', async (t) => {
  t.equal(
    forked(() => undefined),
    'exit',
  );
  const heap = Array.from({ length: 64 }, () => Array.from({ length: 20_000 }, () => ({})));
  const left = privateMemory().filter(({ flags }) => flags.includes('dc'));
  t.same(left, [], 'nothing is marked MADV_DONTFORK');
  t.equal(heap.length, 64);
});

t.test('a sibling is a child of the parent', async (t) => {
  const shared = memory(MAP_SHARED);
  const how = forked(() => {
    const { ret } = tryFork('sibling');
    if (ret === 0) {
      sleepMs(50);
      exitNow(process.ppid === process.pid ? 5 : 6);
    }
    shared.write(0, Buffer.from(String(ret)));
  });
  t.equal(how, 'exit');
  const sibling = Number.parseInt(Buffer.from(shared.read(0, 16)).toString(), 10);
  let end: string | undefined;
  while (end === undefined) end = reap(sibling);
  t.equal(end, 'exit 5', 'process.pid is still that of the parent, and so is its parent now');
});

t.test('a process that node was not told to keep single cannot fork', async (t) => {
  const module = join(projectRoot(), 'build/uapi/sys-fork.js');
  const text = `import(${JSON.stringify(module)}).then(({ tryFork }) => tryFork())`;
  const { status, stderr } = spawnSync(process.execPath, ['-e', text], { encoding: 'utf8' });
  t.equal(status, 1);
  t.match(stderr, new RegExp(`needs node ${FORKABLE_NODE.join(' ')}`));
});
