import { ensurePackages } from '../../../harness/system-packages.ts';
import { compare } from '../comparison.ts';
import type { GuestWish } from '../guest.ts';
import { comparison, ownCoverage } from './table.ts';
import { idsCommand } from './wish.ts';

/**
 * `npm run bench:rdma`: the suite beside pyverbs' tests and perftest. `--only=ID` has these cases alone
 * traced and nothing else measured: what they execute, while cases are written.
 */

const ONLY = '--only=';
const words = process.argv.slice(2);
const ids = words.filter((word) => word.startsWith(ONLY)).map((word) => word.slice(ONLY.length));

async function wish(): Promise<GuestWish> {
  const providers = ['rdma'];
  if (ids.length > 0) return { providers, setup: [idsCommand(ids)] };
  await ensurePackages('bench');
  return { providers };
}

const bench = 'rdma';
const own = 'coverage-in-guest.js';
if (ids.length > 0) await compare({ bench, scripts: [own], wish, text: ownCoverage }, words);
else await compare({ bench, scripts: ['times-in-guest.js', own], wish, text: comparison }, words);
