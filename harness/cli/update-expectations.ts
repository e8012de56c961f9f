import { resolve } from 'node:path';
import { readRun } from '../../reports/journal.ts';
import { oneLine } from '../../reports/text.ts';
import { replaceFile } from '../expectation-edit.ts';
import { ownExpectations, readLists } from '../expectation-lists.ts';
import { type ListUpdate, updateLists } from '../expectation-update.ts';
import type { UpdateArguments } from './expectations-command.ts';
import { journalOf } from './run-journal.ts';

/** Writes the lists from a run and shows what became different in them. */
export function updateExpectations(given: UpdateArguments): void {
  const run = readRun(journalOf(given.run));
  const directory = resolve(given.expectations ?? ownExpectations());
  const { board } = given;
  const lists = readLists(directory);
  const update = updateLists({ run, lists, directory, ...(board !== undefined && { board }) });
  if (!given.dryRun) for (const { path, text } of update.files) replaceFile(path, text);
  const remarks = update.remarks.map((remark) => `note: ${oneLine(remark, 1000)}`);
  const lines = [...update.files.flatMap(fileLines), ...remarks];
  const nothing = ['the lists are as the run found them'];
  const dry = given.dryRun && update.files.length > 0 ? ['nothing was written (--dry-run)'] : [];
  const shown = [...(lines.length === 0 ? nothing : lines), ...dry];
  process.stdout.write(`${shown.join('\n')}\n`);
}

function fileLines({ name, removed, added }: ListUpdate): string[] {
  return [
    name,
    ...removed.map(({ entry, passes }) => {
      return `- ${entry.pattern}  (passed: ${passes} ${passes === 1 ? 'point' : 'points'})`;
    }),
    ...added.map(
      ({ pattern, verdicts, reason }) =>
        `+ ${pattern}  (${verdicts.join(', ')}; ${oneLine(reason)})`,
    ),
  ];
}
