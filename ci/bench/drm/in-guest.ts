import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { basename } from 'node:path';
import { forgetFunctions, watchedFunctions, watchFunctions } from '../executed-functions.ts';
import { runOwnSuite } from '../own-suite.ts';
import { countedReturns, forgetReturns, watchReturns } from '../return-counts.ts';
import { coreIoctls } from './core-ioctls.ts';
import { HANDLER_RETURNS, handlersOf } from './handlers.ts';
import { runIgt } from './igt.ts';
import { type Coverage, type Igt, type Measurement, watchedParts } from './measurement.ts';
import { type DrmWish, WISH_FILE } from './wish.ts';

/**
 * The measuring half: runs in the lab's guest, in the agent's place. Lines that begin with `#` are
 * for people, the last line is the measurement. Each suite runs twice: alone for its time, and under
 * the tracer for what it executes.
 */

const say = (text: string): void => console.log(`# ${text}`);

async function traced<T>(run: () => T | Promise<T>): Promise<{ coverage: Coverage; value: T }> {
  const ioctls = coreIoctls();
  const watched = watchedParts(new Set(ioctls.map(({ functionName }) => functionName)));
  watchFunctions(watched);
  watchReturns(HANDLER_RETURNS);
  const value = await run();
  const functions = watchedFunctions(watched);
  const handlers = handlersOf(ioctls, functions, countedReturns(HANDLER_RETURNS));
  forgetReturns(HANDLER_RETURNS);
  forgetFunctions();
  return { coverage: { functions, handlers }, value };
}

function sayRun(
  name: string,
  { times, troubles }: { readonly times: object; readonly troubles: readonly string[] },
): void {
  say(`${name}: ${JSON.stringify(times)}`);
  for (const trouble of troubles) say(`  ${trouble}`);
}

/** Nobody reads the guest's standard error. */
process.on('uncaughtException', (error) => {
  for (const line of String(error.stack).split('\n')) say(line);
  process.exit(1);
});

/** @param isDraft only one run, whose times are those under the tracer */
async function measureOurs(
  selection: readonly string[],
  isDraft: boolean,
): Promise<Pick<Measurement, 'ours' | 'ourCases' | 'providers'>> {
  const alone = isDraft ? undefined : await runOwnSuite(selection);
  if (alone !== undefined) sayRun('ours', alone);
  const again = await traced(() => runOwnSuite(selection));
  sayRun('ours, traced', again.value);
  const own = alone ?? again.value;
  const ours = { times: own.times, coverage: again.coverage };
  return { ours, ourCases: own.cases, providers: own.providers };
}

async function measureIgt(tree: string): Promise<Igt> {
  const igt = runIgt(tree);
  sayRun('igt-gpu-tools', igt);
  const again = await traced(() => runIgt(tree));
  const version = basename(tree).split('_')[1] ?? '';
  return { version, times: igt.times, coverage: again.coverage };
}

const { selection, isDraft, igtTree } = JSON.parse(readFileSync(WISH_FILE, 'utf8')) as DrmWish;
const ours = await measureOurs(selection, isDraft);
const igt =
  igtTree !== undefined && existsSync(igtTree) ? { igt: await measureIgt(igtTree) } : undefined;
const measurement: Measurement = { kernel: release(), ...ours, ...igt };
console.log(JSON.stringify(measurement));
