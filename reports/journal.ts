/**
 * Reads a journal: JSON Lines, written append-only while a run goes on, so it may end anywhere. What
 * a power cut leaves is read without complaint and shown as an interrupted run; what no power cut
 * explains is one error.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { recordChecker, typeOf } from './record-schema.ts';
import type {
  EndRecord,
  JournalRecord,
  NoteRecord,
  PointRecord,
  Run,
  RunRecord,
  TargetRecord,
} from './results.ts';
import { JOURNAL_VERSION } from './results.ts';
import { Sharing } from './share.ts';

/** The journal cannot be read: names the file, the line and the mend. The command line exits with 2. */
export class JournalError extends Error {
  override name = 'JournalError';
}

/** The records of one run in the order in which they were written; the first is the run record. */
export type RecordSource = Iterable<JournalRecord>;

/** No record comes near this; a file without line ends is not held in memory to its end. */
const MAX_LINE_CHARACTERS = 64 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

/** Reads a whole journal. @throws JournalError */
export function readRun(path: string): Run {
  return assembleRun(readRecords(path), path);
}

/**
 * Reads a journal record by record; no more than one line is held.
 * @throws JournalError while it is iterated
 */
export function* readRecords(path: string): Generator<JournalRecord> {
  const check = recordChecker();
  let lineNumber = 0;
  let isFirst = true;
  /** An unreadable line, kept until it is known whether anything follows it. */
  let bad: { readonly lineNumber: number; readonly problem: string } | undefined;
  for (const line of readLines(path)) {
    lineNumber++;
    if (isBlank(line)) continue;
    if (bad) throw corrupt(path, bad.lineNumber, bad.problem);
    const parsed = parse(line);
    if (isFirst) assertJournal(path, parsed.ok ? parsed.value : undefined);
    isFirst = false;
    const checked = parsed.ok ? check(parsed.value) : parsed;
    if (checked.ok) yield checked.record;
    else bad = { lineNumber, problem: checked.problem };
  }
  if (isFirst) {
    throw new JournalError(
      `${path}: the journal is empty: the run ended before it began. Run it again.`,
    );
  }
  if (bad) yield cutNote(bad.lineNumber);
}

/** Builds the run that all reports are made from. Pure but for the source's own reading. */
export function assembleRun(source: RecordSource, name = 'journal'): Run {
  let run: RunRecord | undefined;
  let end: EndRecord | undefined;
  const targets: TargetRecord[] = [];
  const planned = new Set<string>();
  /** By id: what is found out later of a point stands where its first record did. */
  const points = new Map<string, PointRecord>();
  const sharing = new Sharing();
  /** The point that runs once more though it has a verdict. */
  let again: string | undefined;
  const notes: string[] = [];
  const open = new Set<string>();
  for (const record of source) {
    // A resumed run goes on behind an earlier end, which then is none.
    end = undefined;
    switch (record.type) {
      case 'run':
        if (run) notes.push(`resumed at ${record.startedAt} by suite ${record.suite.commit}`);
        run ??= record;
        break;
      case 'target':
        targets.push(record);
        break;
      case 'plan':
        for (const id of record.points) planned.add(id);
        break;
      case 'started':
        again = points.has(record.id) ? record.id : undefined;
        if (!again) open.add(record.id);
        break;
      case 'point':
        again = undefined;
        open.delete(record.id);
        points.set(record.id, sharing.point(record));
        break;
      case 'note':
        notes.push(record.text);
        break;
      case 'end':
        end = record;
        break;
    }
  }
  if (!run) throw notAJournal(name);
  if (again && !end) notes.push(`the run ended while ${again} ran once more`);
  return {
    run,
    targets,
    planned: [...planned],
    points: [...points.values()],
    notes,
    interrupted: [...open],
    ...(end && { end }),
  };
}

type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string };

function parse(line: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(line) };
  } catch {
    return { ok: false, problem: 'it is not JSON' };
  }
}

/** Blocks that a file system had not yet written when the power went read as zeros. */
function isBlank(line: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: zeros are what is looked for
  return /^[\s\u0000]*$/.test(line);
}

function assertJournal(path: string, first: unknown): void {
  if (typeOf(first) !== 'run') throw notAJournal(path);
  const version =
    typeof first === 'object' && first !== null && 'version' in first ? first.version : undefined;
  if (version === JOURNAL_VERSION) return;
  throw new JournalError(
    `${path}:1: this journal has version ${JSON.stringify(version) ?? 'none'}, this uapi-conform reads ` +
      `version ${JOURNAL_VERSION}. Make the report with the uapi-conform that wrote the journal.`,
  );
}

function notAJournal(path: string): JournalError {
  return new JournalError(
    `${path}:1: this is no journal of uapi-conform: its first line is not a run record. ` +
      'Give the journal file of a run.',
  );
}

function corrupt(path: string, lineNumber: number, problem: string): JournalError {
  return new JournalError(
    `${path}:${lineNumber}: this line cannot be read: ${problem}. Only the last line of a journal may ` +
      'be cut; the file was changed or damaged. Restore it from a copy, or delete that line and ' +
      'lose what it held.',
  );
}

function cutNote(lineNumber: number): NoteRecord {
  const text = `the journal ends in a cut line (line ${lineNumber}): the run was interrupted`;
  return { type: 'note', at: '', text };
}

/** The lines of a file, decoded as UTF-8; bytes that are none become U+FFFD. */
function* readLines(path: string): Generator<string> {
  const fd = openJournal(path);
  try {
    const decoder = new StringDecoder('utf8');
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest: string[] = [];
    let restLength = 0;
    for (let size = read(path, fd, chunk); size > 0; size = read(path, fd, chunk)) {
      const lines = decoder.write(chunk.subarray(0, size)).split('\n');
      const last = lines.pop() ?? '';
      for (const line of lines) {
        yield rest.join('') + line;
        rest = [];
        restLength = 0;
      }
      rest.push(last);
      restLength += last.length;
      if (restLength > MAX_LINE_CHARACTERS) throw notAJournal(path);
    }
    const cut = rest.join('') + decoder.end();
    if (cut !== '') yield cut;
  } finally {
    closeSync(fd);
  }
}

function openJournal(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function read(path: string, fd: number, chunk: Buffer): number {
  try {
    return readSync(fd, chunk);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): JournalError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const mends: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file. Give the journal file of a run',
    EISDIR: 'this is a directory. Give the journal file in it',
    EACCES: 'it may not be read. Change its permissions or run as its owner',
  };
  const mend = typeof code === 'string' ? mends[code] : undefined;
  const why = mend ?? (error instanceof Error ? error.message : String(error));
  return new JournalError(`${path}: the journal cannot be read: ${why}.`, { cause: error });
}
