import t from 'tap';
import { histogramRows, succeeded } from './return-counts.ts';

t.test('a row of a histogram holds its values; a result is a signed number', (t) => {
  const text = [
    '# event histogram',
    '{ object:          3, ret:          0 } hitcount:        152',
    '{ object:          3, ret: 18446744073709551594 } hitcount:          1',
    'Totals:',
  ].join('\n');
  const rows = histogramRows(text);
  t.strictSame(
    rows.map((row) => row.get('object')),
    [3n, 3n],
  );
  t.strictSame(rows.map(succeeded), [true, false]);
  t.end();
});
