import { readSync } from 'node:fs';
import { Mapping } from '../../uapi/mapping.ts';
import { ftruncate } from '../../uapi/sys-file.ts';

/** Bytes of the note; step numbers such as `12.3.1` are short. */
const NOTE_BYTES = 64;

/**
 * Where the worker notes the step that it enters: memory without a file name that the agent can
 * still read when the worker is dead. No system call, since it is written before every step.
 */
export class StepMarker {
  readonly #note: Mapping;

  /** @param fd an empty file, which readStep() reads */
  constructor(fd: number) {
    ftruncate(fd, NOTE_BYTES);
    this.#note = Mapping.map({ fd, length: NOTE_BYTES });
  }

  mark(step: string): void {
    this.#note.writeText(0, `${step.slice(0, NOTE_BYTES - 1)}\0`);
  }
}

/** The note behind a descriptor of the marker's memory; `0` when no step was entered. */
export function readStep(fd: number): string {
  const note = Buffer.alloc(NOTE_BYTES);
  readSync(fd, note, 0, NOTE_BYTES, 0);
  return note.toString('utf8').replace(/\0.*$/s, '') || '0';
}
