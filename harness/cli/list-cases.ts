import type { LoadedCase } from '../cases/loaded-case.ts';
import { UsageError } from '../errors.ts';
import {
  type Filters,
  idsWithParameters,
  pointFilter,
  refuseUnmatched,
  selectCases,
} from '../select.ts';
import type { ListArguments } from './list-command.ts';
import { onlyPaths } from './providers-option.ts';
import { loadSuite } from './suite.ts';

/** Prints cases, or with `--points` the ids of cases with parameters. Opens no device. */
export async function listCases(given: ListArguments): Promise<void> {
  const { cases } = await loadSuite(onlyPaths(given.provider ?? []), given.cases ?? []);
  const filters = {
    ids: given.id,
    areas: given.area ?? [],
    rules: given.rule ?? [],
    exclude: given.exclude ?? [],
  };
  const selected = selectCases(cases, filters);
  const isLeft = pointFilter({ ids: [], exclude: filters.exclude });
  const left = selected.filter(({ id }) => isLeft(id));
  const lines = given.points ? pointLines(selected, filters) : caseLines(left);
  if (left.length === 0 || lines.length === 0) {
    throw new UsageError('the filters leave no case: what is selected is also excluded.');
  }
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

/** @throws UsageError also for a pattern that names devices: no point has one here */
function pointLines(
  selected: readonly LoadedCase[],
  filters: Pick<Filters, 'ids' | 'exclude'>,
): readonly string[] {
  const ids = selected.flatMap(idsWithParameters);
  refuseUnmatched(filters.ids, ids);
  return ids.filter(pointFilter(filters));
}

/** A library for tables takes longer than all the rest of the command. */
function caseLines(cases: readonly LoadedCase[]): string[] {
  const head = { id: 'case', title: 'title', rules: 'rules' };
  const rows = [
    head,
    ...cases.map(({ id, title, rules }) => ({ id, title, rules: rules.join(' ') })),
  ];
  const idWidth = Math.max(...rows.map(({ id }) => id.length));
  const titleWidth = Math.max(...rows.map(({ title }) => title.length));
  return rows.map(
    ({ id, title, rules }) => `${id.padEnd(idWidth)}  ${title.padEnd(titleWidth)}  ${rules}`,
  );
}
