import { existsSync, readFileSync } from 'node:fs';
import { type Watched, watchedFunctions, watchFunctions } from '../executed-functions.ts';
import { calledMethods, watchCalls, writtenCommands } from './called-methods.ts';
import { type Coverage, MODULES } from './measurement.ts';
import { IDS_FILE } from './wish.ts';

/** What both scripts of the guest share. */

/** Of the suite: the devices that pyverbs' tests run on too. */
export const SELECTION = ['--provider', 'rdma', '--device', 'rdma@rxe*'];

/** What devices do that go away and come back, and ports that are switched, is executed by those alone. */
export const WITH_DESTRUCTIVE = ['--destructive'];

/** The cases of a draft; none for all. */
export function idsOfHost(): readonly string[] {
  return existsSync(IDS_FILE) ? (JSON.parse(readFileSync(IDS_FILE, 'utf8')) as string[]) : [];
}

/** Once in a boot: what ran before is not forgotten. */
export async function traced<T>(
  run: () => T | Promise<T>,
  modules: readonly string[] = MODULES,
): Promise<{ coverage: Coverage; value: T }> {
  const inModules: Watched = (_name, module) => modules.find((known) => known === module);
  watchFunctions(inModules);
  watchCalls();
  const value = await run();
  const functions = watchedFunctions(inModules);
  return { coverage: { functions, methods: calledMethods(), written: writtenCommands() }, value };
}
