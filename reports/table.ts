import Table from 'cli-table3';

const NO_BORDER = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ].map((place) => [place, '']),
);

/**
 * A table without borders or colour, for mails and logs: columns two blanks apart, none at the ends
 * of lines. The first `textColumns` are flush left, the numbers after them flush right.
 */
export function plainTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  textColumns: number,
): string[] {
  const table = new Table({
    chars: { ...NO_BORDER, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: head.map((_, column) => (column < textColumns ? 'left' : 'right')),
  });
  for (const row of [head, ...rows]) table.push([...row]);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}
