import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InfraError } from '../harness/errors.ts';
import { ensurePackages } from '../harness/system-packages.ts';
import { description } from '../uapi/headers/linux/dma-buf.ts';
import { projectRoot } from '../uapi/project-root.ts';
import { fetchHeaders } from './lab/headers.ts';

/**
 * `npm test` after the build: what must be installed, the lint and import check, then every test of
 * the compiled tree. Arguments go to tap: `npm test -- build/uapi`.
 */

const say = (line: string) => process.stderr.write(`${line}\n`);

/** Runs a program of node_modules on this terminal; a failure ends the tests. */
function step(title: string, program: string, args: readonly string[], env = process.env): void {
  say(`# ${title}`);
  const path = join(projectRoot(), 'node_modules/.bin', program);
  const { status, error } = spawnSync(path, args, { cwd: projectRoot(), stdio: 'inherit', env });
  if (error !== undefined) throw new InfraError(`${path} cannot be run: ${error.message}; npm ci?`);
  if (status !== 0) process.exit(status ?? 1);
}

/** The headers that uapi/headers was generated from, for the C probe to compare with. */
async function probeEnvironment(): Promise<NodeJS.ProcessEnv> {
  const wanted = description.source.replace('linux-libc-dev ', '');
  const headers = await fetchHeaders(say, { version: wanted });
  if (headers !== undefined) return { ...process.env, UAPI_HEADERS: headers.directory };
  say(`the archive no longer has linux-libc-dev ${wanted}: the C probe is skipped; regenerate`);
  return process.env;
}

async function main(): Promise<void> {
  for (const purpose of ['headers', 'tests', 'lab'] as const) await ensurePackages(purpose);
  const env = await probeEnvironment();
  step('format, lint and import direction', 'biome', ['check', '--error-on-warnings', '.']);
  // The first run of tap on a clean checkout would rebuild its plugins and fail.
  if (!existsSync(join(projectRoot(), '.tap/plugins'))) step('tap', 'tap', ['build']);
  step('tests', 'tap', process.argv.slice(2), env);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof InfraError)) throw error;
  say(error.message);
  process.exitCode = 3;
}
