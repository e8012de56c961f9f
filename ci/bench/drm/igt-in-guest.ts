import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { sayRun, sayUncaught } from '../guest-lines.ts';
import { traced, wishOfHost } from './guest-half.ts';
import { runIgt } from './igt.ts';
import type { Measurement } from './measurement.ts';

/** In the lab's guest, in the agent's place: the tests of igt-gpu-tools, where there are any. */

async function measure(tree: string): Promise<Pick<Measurement, 'igt'>> {
  const alone = runIgt(tree);
  sayRun('igt-gpu-tools', alone);
  const { coverage } = await traced(() => runIgt(tree));
  const version = basename(tree).split('_')[1] ?? '';
  return { igt: { version, times: alone.times, coverage } };
}

sayUncaught();
const { igtTree } = wishOfHost();
const measured = igtTree !== undefined && existsSync(igtTree) ? await measure(igtTree) : {};
console.log(JSON.stringify(measured));
