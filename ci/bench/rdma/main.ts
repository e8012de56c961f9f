import { ensurePackages } from '../../../harness/system-packages.ts';
import { compare } from '../comparison.ts';
import { comparison } from './table.ts';

/** `npm run bench:rdma`: the suite beside pyverbs' tests and perftest. */

async function wish(): Promise<{ readonly providers: readonly string[] }> {
  await ensurePackages('bench');
  return { providers: ['rdma'] };
}

await compare({ bench: 'rdma', wish, text: comparison }, process.argv.slice(2));
