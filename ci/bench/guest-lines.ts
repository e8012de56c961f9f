/**
 * What a script of the guest prints: lines that begin with `#` are for people, the last line is what it
 * measured.
 */

export function say(text: string): void {
  for (const line of text.split('\n')) console.log(`# ${line}`);
}

/** A suite's figures, and what went wrong in it. */
export function sayRun(
  name: string,
  { times, troubles }: { readonly times: object; readonly troubles: readonly string[] },
): void {
  say(`${name}: ${JSON.stringify(times)}`);
  for (const trouble of troubles) say(`  ${trouble}`);
}

/** Nobody reads the guest's standard error. */
export function sayUncaught(): void {
  process.on('uncaughtException', (error) => {
    say(String(error.stack));
    process.exit(1);
  });
}
