/**
 * Says on standard error what the user must hear of, terminal or not: that packages are installed, that
 * a boot was tried again. Progress, which only a terminal gets, is another matter.
 */
export function announce(line: string): void {
  process.stderr.write(`uapi-conform: ${line}\n`);
}
