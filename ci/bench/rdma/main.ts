import { ensurePackages } from '../../../harness/system-packages.ts';
import { compare } from '../comparison.ts';
import type { GuestWish } from '../guest.ts';
import { comparison, everyDevice, ownCoverage } from './table.ts';
import { idsCommand } from './wish.ts';

/**
 * `npm run bench:rdma`: the suite beside pyverbs' tests and perftest. Two others trace our suite alone:
 * `--only=ID` these cases, while they are written, and `--every-device` all of them on siw, efa, erdma
 * and mlx5, too.
 */

const ONLY = '--only=';
const EVERY_DEVICE = '--every-device';
const words = process.argv.slice(2);
const ids = words.filter((word) => word.startsWith(ONLY)).map((word) => word.slice(ONLY.length));
const kernelOrFile = words.filter((word) => !word.startsWith('--'));

const bench = 'rdma';
const providers = ['rdma'];
const own = 'coverage-in-guest.js';

if (ids.length > 0) {
  const wish = async (): Promise<GuestWish> => ({ providers, setup: [idsCommand(ids)] });
  await compare({ bench, scripts: [own], wish, text: ownCoverage }, kernelOrFile);
} else if (words.includes(EVERY_DEVICE)) {
  // An older one has no device models.
  process.env['UAPI_CONFORM_QEMU'] ??= 'newer';
  const wish = async (): Promise<GuestWish> => ({ providers, builds: true });
  const scripts = ['every-device-in-guest.js'];
  await compare({ bench, scripts, wish, text: everyDevice }, kernelOrFile);
} else {
  const wish = async (): Promise<GuestWish> => {
    await ensurePackages('bench');
    return { providers };
  };
  await compare({ bench, scripts: ['times-in-guest.js', own], wish, text: comparison }, words);
}
