import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import Table from 'cli-table3';
import { projectRoot } from '../../uapi/project-root.ts';
import { measureAcknowledgement } from './acknowledgement.ts';
import { printedInGuest } from './guest.ts';
import { measureGuest, measureHostPoints, measureList } from './harness.ts';
import { measureProtocol } from './protocol.ts';
import { measureWorkerStart } from './worker-start.ts';

/** `npm run bench`: every number that the README shows. */

const IOCTL = 'ci/bench/ioctl.js';

function title(text: string): void {
  console.log(`\n${text}\n`);
}

title('ioctl on this machine');
spawnSync(process.execPath, [join(projectRoot(), 'build', IOCTL)], { stdio: 'inherit' });
title('ioctl in the lab VM');
for (const line of await printedInGuest(IOCTL)) console.log(line);

const table = new Table({
  head: ['harness', 'measured', 'target'],
  style: { head: [], border: [] },
});
const measures = [
  measureList,
  measureWorkerStart,
  measureHostPoints,
  measureProtocol,
  measureAcknowledgement,
  measureGuest,
];
for (const measure of measures) {
  for (const { what, value, target } of [await measure()].flat()) table.push([what, value, target]);
}
title('the harness');
console.log(table.toString());
