import type { Recorder } from './recorder.ts';

/** Lines that are worth a note each. */
const MAX_NOTES = 5;
const SHOWN = 200;

/** Notes the lines that somebody else wrote to the agent's output, the first of them. */
export class StrayNotes {
  readonly #recorder: Pick<Recorder, 'note'>;
  #count = 0;

  constructor(recorder: Pick<Recorder, 'note'>) {
    this.#recorder = recorder;
  }

  saw(line: string): void {
    if (this.#count++ >= MAX_NOTES) return;
    const text = line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
    this.#recorder.note(`something else than the agent wrote to its output: ${text}`);
  }
}
