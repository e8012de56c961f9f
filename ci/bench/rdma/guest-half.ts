import { type Watched, watchedFunctions, watchFunctions } from '../executed-functions.ts';
import type { OwnTimes } from '../own-suite.ts';
import { calledMethods, watchCalls, writtenCommands } from './called-methods.ts';
import { type Coverage, MODULES } from './measurement.ts';

/**
 * What both scripts of the guest share. Lines that begin with `#` are for people, the last line of
 * each is what it measured.
 */

/** Of the suite: the devices that pyverbs' tests run on too. */
export const SELECTION = ['--provider', 'rdma', '--device', 'rdma@rxe*'];

const inModules: Watched = (_name, module) => MODULES.find((known) => known === module);

export const say = (text: string): void => console.log(`# ${text}`);

export function sayTroubles({ times, troubles }: OwnTimes): void {
  say(`ours: ${JSON.stringify(times)}`);
  for (const trouble of troubles) say(`  ${trouble}`);
}

/** Nobody reads the guest's standard error. */
export function sayUncaught(): void {
  process.on('uncaughtException', (error) => {
    say(String(error.stack));
    process.exit(1);
  });
}

/** Once in a boot: what ran before is not forgotten. */
export async function traced<T>(
  run: () => T | Promise<T>,
): Promise<{ coverage: Coverage; value: T }> {
  watchFunctions(inModules);
  watchCalls();
  const value = await run();
  const functions = watchedFunctions(inModules);
  return { coverage: { functions, methods: calledMethods(), written: writtenCommands() }, value };
}
