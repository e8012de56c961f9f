import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { Stopped } from '../../harness/run/unless-stopped.ts';
import { publishDirectory } from './cache.ts';
import { runProgram, tryProgram, whileWanted } from './programs.ts';

/** A program as make is: it starts others, which would go on for long. */
const STARTS_OTHERS = 'sleep 100 & echo $! > child; echo > half; wait';

async function appears(path: string): Promise<void> {
  while (!existsSync(path)) await delay(10);
}

function isRunning(pid: string): boolean {
  // A dead process may wait for its parent, which the machine's first is by now.
  return (
    existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  );
}

t.test('who stops leaves no program behind, nor half of what it made', async (t) => {
  const cache = t.testdir();
  const stop = new AbortController();
  let folder = '';
  const work = whileWanted(stop.signal, () =>
    publishDirectory(join(cache, 'entry'), async (temporary) => {
      folder = temporary;
      await runProgram(['sh', '-c', STARTS_OTHERS], { cwd: temporary });
    }),
  );
  const refused = t.rejects(work, Stopped);
  while (folder === '') await delay(10);
  await appears(join(folder, 'half'));
  const pid = readFileSync(join(folder, 'child'), 'utf8').trim();
  t.ok(isRunning(pid));
  stop.abort();
  await refused;
  while (isRunning(pid)) await delay(10);
  t.strictSame(readdirSync(cache), []);
});

t.test('nothing more is begun', async (t) => {
  const folder = t.testdir();
  const stop = new AbortController();
  const work = whileWanted(stop.signal, async () => {
    stop.abort();
    return await tryProgram(['touch', join(folder, 'made')]);
  });
  await t.rejects(work, Stopped);
  t.strictSame(readdirSync(folder), []);
});

t.test('what is wanted to its end gives what it says', async (t) => {
  const { signal } = new AbortController();
  t.equal(await whileWanted(signal, () => runProgram(['echo', 'done'])), 'done\n');
  t.match(await whileWanted(signal, () => tryProgram(['sh', '-c', 'exit 3'])), { status: 3 });
  t.equal(await runProgram(['echo', 'done']), 'done\n', 'as without anybody who could stop it');
});
