import type { LoadedCase } from '../cases/loaded-case.ts';
import { formatPointId } from '../point-id.ts';
import { pointFilter, selectCases } from '../select.ts';
import type { ListArguments } from './list-command.ts';
import { chooseProviders } from './providers-option.ts';
import { loadSuite } from './suite.ts';

/** Prints cases, or with `--points` the ids of cases with parameters. Opens no device. */
export async function listCases(given: ListArguments): Promise<void> {
  const { paths } = chooseProviders(given.provider ?? []);
  const { cases } = await loadSuite(paths, given.cases ?? []);
  const filters = {
    ids: given.id,
    areas: given.area ?? [],
    rules: given.rule ?? [],
    exclude: given.exclude ?? [],
  };
  const selected = selectCases(cases, filters);
  const isWanted = pointFilter(filters);
  const lines = given.points
    ? selected.flatMap(idsOf).filter(isWanted)
    : caseLines(
        selected.filter(({ id }) => pointFilter({ ids: [], exclude: filters.exclude })(id)),
      );
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

function idsOf(one: LoadedCase): string[] {
  return one.parameters.map((parameters) => formatPointId({ case: one.id, parameters }));
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
