import { release } from 'node:os';
import { sayRun, sayUncaught } from '../guest-lines.ts';
import { runOwnSuite } from '../own-suite.ts';
import { traced, wishOfHost } from './guest-half.ts';
import type { Ours } from './measurement.ts';

/** In the lab's guest, in the agent's place: this suite. */

sayUncaught();
const { selection, isDraft } = wishOfHost();
const alone = isDraft ? undefined : await runOwnSuite(selection);
if (alone !== undefined) sayRun('ours', alone);
const again = await traced(() => runOwnSuite(selection));
sayRun('ours, traced', again.value);
const own = alone ?? again.value;
const measured: Ours = {
  kernel: release(),
  ours: { times: own.times, coverage: again.coverage },
  ourCases: own.cases,
  providers: own.providers,
};
console.log(JSON.stringify(measured));
