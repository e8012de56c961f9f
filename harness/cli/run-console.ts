/** What a run shows while it goes on: a line a point on stdout, a spinner on stderr for people. */
import { debuglog } from 'node:util';
import type { Ora } from 'ora';
import { pointLine, wantsColor } from '../../reports/console.ts';
import type { PointRecord, TargetRecord } from '../../reports/results.ts';
import { GATING } from '../../reports/results.ts';
import { oneLine } from '../../reports/text.ts';
import type { RunWatcher } from '../run/recorder.ts';

const debug = debuglog('uapi-conform');

export class RunConsole implements RunWatcher {
  readonly #spinner: Ora | undefined;
  readonly #style = { color: wantsColor(process.stdout) };
  /** Beside the spinner; a line that breaks would be drawn again and again. */
  readonly #width = Math.max(10, (process.stderr.columns ?? 80) - 4);
  #planned = 0;
  #done = 0;
  #surprises = 0;

  constructor(spinner: Ora | undefined) {
    this.#spinner = spinner;
  }

  say(line: string): void {
    debug('%s', line);
    if (this.#spinner) this.#spinner.text = oneLine(line, this.#width);
  }

  target(record: TargetRecord): void {
    this.say(`${record.kernel}: ${record.devices.length} devices`);
  }

  planned(total: number): void {
    this.#planned = total;
  }

  started(id: string): void {
    const surprises = this.#surprises > 0 ? `, ${this.#surprises} bad` : '';
    this.say(`${this.#done} of ${this.#planned}${surprises}: ${id}`);
  }

  point(record: PointRecord): void {
    this.#done++;
    if (GATING.has(record.verdict)) this.#surprises++;
    // Both streams may be the same terminal: the spinner's line must not stay in the middle.
    this.#spinner?.clear();
    process.stdout.write(`${pointLine(record, this.#style)}\n`);
  }

  amended(record: PointRecord): void {
    this.#spinner?.clear();
    const found = record.investigation ? `  (again: it ${record.investigation})` : '';
    process.stdout.write(`${pointLine(record, this.#style)}${found}\n`);
  }

  note(text: string): void {
    this.say(text);
  }

  stop(): void {
    this.#spinner?.stop();
  }
}

/**
 * With a spinner where stderr is a terminal; quiet otherwise (`NODE_DEBUG=uapi-conform` shows all).
 * A terminal that does not know its width (`script`, some CI systems) gets none either: ora would
 * count its lines for ever.
 */
export async function openRunConsole(): Promise<RunConsole> {
  const { isTTY, columns } = process.stderr;
  if (isTTY !== true || !(columns > 0)) return new RunConsole(undefined);
  const { default: ora } = await import('ora');
  // Left alone, stdin keeps Ctrl-C a signal.
  const plain = wantsColor(process.stderr) ? {} : ({ color: false } as const);
  return new RunConsole(ora({ text: 'starting', discardStdin: false, ...plain }).start());
}
