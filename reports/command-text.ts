/** Command lines in reports whose lines are short: a shell takes them as they stand. */

/** Words with their quotes, as `shellWord()` writes them. */
const WORD = /(?:'[^']*'|\\.|[^ '\\])+/g;
const QUOTED = /^'([^']*)'$/;

/**
 * Breaks a command between its words, behind a backslash. A word that is longer than a line (a point
 * id) is broken too; what follows of it stands at the begin of the next line, as a blank would end it.
 */
export function commandLines(command: string, width: number, indent: number): string[] {
  const lead = ' '.repeat(indent);
  const lines: string[] = [];
  let line = '';
  for (const word of command.match(WORD) ?? []) {
    const longer = line === '' ? lead + word : `${line} ${word}`;
    if (longer.length <= width - 2) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(`${line} \\`);
    const pieces = wordPieces(word, width - 2 - indent);
    lines.push(...pieces.slice(0, -1).map((piece, at) => `${at === 0 ? lead : ''}${piece}\\`));
    line = `${pieces.length === 1 ? lead : ''}${pieces.at(-1) ?? ''}`;
  }
  return [...lines, line];
}

/** The words of a command line without some of its options and their values. */
export function withoutOptions(
  words: readonly string[],
  options: ReadonlySet<string>,
): readonly string[] {
  return words.filter((word, at) => {
    const [option = ''] = word.split('=', 1);
    return !options.has(option) && !options.has(words[at - 1] ?? '');
  });
}

/** Parts of a word that a shell joins to it again; each of a quoted word has its own quotes. */
function wordPieces(word: string, length: number): string[] {
  const quoted = QUOTED.exec(word)?.[1];
  if (word.length <= length || (quoted === undefined && word.includes("'"))) return [word];
  const text = quoted ?? word;
  const step = quoted === undefined ? length : length - 2;
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += step) pieces.push(text.slice(at, at + step));
  return quoted === undefined ? pieces : pieces.map((piece) => `'${piece}'`);
}
