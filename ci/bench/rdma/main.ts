import { ensurePackages } from '../../../harness/system-packages.ts';
import { compare } from '../comparison.ts';
import { comparison } from './table.ts';

/** `npm run bench:rdma`: the suite beside pyverbs' tests and perftest. */

async function wish(): Promise<{ readonly providers: readonly string[] }> {
  await ensurePackages('bench');
  return { providers: ['rdma'] };
}

const scripts = ['times-in-guest.js', 'coverage-in-guest.js'];
await compare({ bench: 'rdma', scripts, wish, text: comparison }, process.argv.slice(2));
