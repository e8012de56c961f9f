/** A text as one word for a POSIX shell, and for the others that know single quotes. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The same, without quotes where a shell needs none: for lines that people copy. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_/:.,@%+=-]+$/.test(text) ? text : shellQuote(text);
}
