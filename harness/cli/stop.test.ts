import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { MAIN, NULL_PROVIDER } from './sample-command.ts';

/** A run that never gets ready: it asks git what it is, and that git takes its time. */
async function gettingReady(t: Test, more: readonly string[]) {
  const git = `#!/bin/sh\n: > "$(dirname "$0")/asked"\nexec sleep 20\n`;
  const dir = t.testdir({ git });
  chmodSync(join(dir, 'git'), 0o755);
  const words = [MAIN, 'run', '--all', '--provider', NULL_PROVIDER, '--output', 'out', ...more];
  const env = { ...process.env, PATH: `${dir}:${process.env['PATH']}` };
  const child = spawn(process.execPath, words, {
    cwd: dir,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  while (!existsSync(join(dir, 'asked')) && child.exitCode === null) await delay(20);
  return { child, dir };
}

async function endOf(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, stderr };
}

for (const [name, more, signal, says] of [
  ['Ctrl-C', [], 'SIGINT', 'uapi-conform: interrupted\n'],
  ['SIGTERM', [], 'SIGTERM', 'uapi-conform: interrupted\n'],
  ['the end of the terminal', [], 'SIGHUP', 'uapi-conform: interrupted\n'],
  [
    '--run-timeout',
    ['--run-timeout', '3s'],
    undefined,
    'uapi-conform: the time of the whole run is up (--run-timeout, 3 s)\n',
  ],
] as const) {
  t.test(`${name} ends a run whose target is not ready yet`, async (t) => {
    const { child, dir } = await gettingReady(t, more);
    const began = Date.now();
    const ended = endOf(child);
    if (signal) child.kill(signal);
    t.strictSame(await ended, { code: 3, stderr: says });
    t.ok(Date.now() - began < 15_000, 'it waits for nothing');
    t.notOk(readdirSync(dir).includes('out'), 'nothing is left where nothing was run');
  });
}
