import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePackages } from '../../../harness/system-packages.ts';
import { projectRoot } from '../../../uapi/project-root.ts';
import { linesFromGuest } from '../guest.ts';
import type { Measurement } from './measurement.ts';
import { comparison } from './table.ts';

/**
 * `npm run bench:rdma [-- KERNEL | FILE] [--write]`: the suite beside pyverbs' tests and perftest, in one
 * VM. FILE is an earlier measurement, to be printed again. `--write` puts the result into README.md.
 */

const SCRIPT = 'ci/bench/rdma/in-guest.js';
const README = 'ci/bench/rdma/README.md';
const LAST = 'results/rdma-comparison.json';
const BEGIN = '<!-- begin of what `npm run bench:rdma -- --write` writes -->';
const END = '<!-- end -->';

async function measure(kernel: string | undefined): Promise<Measurement> {
  await ensurePackages('bench');
  const wish = { providers: ['rdma'], ...(kernel !== undefined && { kernel }) };
  let last = '';
  for await (const line of linesFromGuest(SCRIPT, wish)) {
    if (line.startsWith('#')) console.error(line);
    else last = line;
  }
  if (!last.startsWith('{')) throw new Error('the guest ended without a measurement');
  mkdirSync(join(projectRoot(), 'results'), { recursive: true });
  writeFileSync(join(projectRoot(), LAST), `${last}\n`);
  return JSON.parse(last) as Measurement;
}

function writeReadme(text: string): void {
  const path = join(projectRoot(), README);
  const [head, , tail] = readFileSync(path, 'utf8').split(new RegExp(`(?<=${BEGIN}\n)|(?=${END})`));
  writeFileSync(path, `${head}\n${text}\n\n${tail}`);
}

const words = process.argv.slice(2);
const given = words.find((word) => !word.startsWith('--'));
const measurement =
  given !== undefined && existsSync(given)
    ? (JSON.parse(readFileSync(given, 'utf8')) as Measurement)
    : await measure(given);
const text = comparison(measurement);
console.log(text);
if (words.includes('--write')) writeReadme(text);
