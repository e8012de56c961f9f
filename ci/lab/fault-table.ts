import { join } from 'node:path';
import { readRun } from '../../reports/journal.ts';

/**
 * Prints, from a run of the faults provider, which verdict each misbehaviour got and what the report
 * says of it: node build/ci/lab/fault-table.js RUN. Part of ci/lab/faults/README.md.
 */

const [directory = '.'] = process.argv.slice(2);
const { points, targets } = readRun(join(directory, 'journal.jsonl'));

console.log(`| fault | verdict | what the report says (kernel ${targets[0]?.kernel}) |`);
console.log('| --- | --- | --- |');
for (const { id, verdict, reason = '' } of points) {
  const [, fault] = /allocate@faults@(.+)$/.exec(id) ?? [];
  if (fault === undefined) continue;
  const text = reason.replaceAll('|', '\\|').replace(/ \{\d+ bytes [^}]*\}/g, '');
  console.log(`| ${fault} | ${verdict} | ${text} |`);
}
