import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { htmlReport } from './html.ts';
import { jsonPieces } from './json.ts';
import { junitPieces } from './junit.ts';
import { ktap } from './ktap.ts';
import { makeDirectories } from './make-directories.ts';
import type { Run } from './results.ts';
import { summary } from './summary.ts';

/** The formats that `writeReports()` knows, by the name that a user gives. */
export const REPORT_FORMATS = ['junit', 'ktap', 'json', 'html', 'summary'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

const FORMATS: Readonly<
  Record<ReportFormat, { readonly file: string; readonly render: (run: Run) => Iterable<string> }>
> = {
  junit: { file: 'junit.xml', render: junitPieces },
  ktap: { file: 'report.ktap', render: (run) => [ktap(run)] },
  json: { file: 'report.json', render: jsonPieces },
  html: { file: 'report.html', render: (run) => [htmlReport(run)] },
  summary: { file: 'summary.txt', render: (run) => [summary(run)] },
};

/** A report could not be written: names the path and the mend. The journal is untouched. */
export class ReportError extends Error {
  override name = 'ReportError';
}

/**
 * Writes reports into a directory, which is made where it is missing. All are written beside their
 * names and then renamed: a reader, and a report of an earlier run, never see half a file.
 *
 * @returns the paths, in the order of `formats`
 * @throws ReportError when a file cannot be written; then none is left half-written
 */
export function writeReports(
  run: Run,
  directory: string,
  formats: readonly ReportFormat[],
): string[] {
  const wanted = [...new Set(formats)].map((format) => FORMATS[format]);
  const reports = wanted.map(({ file, render }) => ({
    path: join(directory, file),
    beside: join(directory, `.${file}.${randomUUID()}`),
    pieces: () => render(run),
  }));
  let path = directory;
  try {
    makeDirectories(directory);
    for (const report of reports) {
      path = report.path;
      writeThrough(report.beside, report.pieces());
    }
    for (const report of reports) {
      path = report.path;
      renameSync(report.beside, path);
    }
  } catch (error) {
    for (const { beside } of reports) discard(beside);
    throw writeError(path, error);
  }
  return reports.map((report) => report.path);
}

/** On some file systems a full disk shows only when data leave the cache, hence the sync. */
function writeThrough(path: string, pieces: Iterable<string>): void {
  const fd = openSync(path, 'wx', 0o666);
  try {
    for (const piece of pieces) writeFileSync(fd, piece);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Best effort: the error that led here is the one to tell. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The directory itself may be gone or no directory.
  }
}

function writeError(path: string, error: unknown): ReportError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const reason = typeof code === 'string' ? reasons(path)[code] : undefined;
  const why = reason ?? (error instanceof Error ? error.message : String(error));
  return new ReportError(`${path}: the report cannot be written: ${why}.`, { cause: error });
}

function reasons(path: string): Readonly<Record<string, string>> {
  const elsewhere = 'or write the reports to another directory';
  const denied = `you may not write there. Change the permissions of ${dirname(path)}, ${elsewhere}`;
  const full = `the disk is full. Free space, ${elsewhere}`;
  return {
    EACCES: denied,
    EPERM: denied,
    EROFS: 'the file system is read-only. Write the reports to another directory',
    ENOSPC: full,
    EDQUOT: full,
    ENOTDIR: 'a part of this path is a file. Name a directory',
    EEXIST: 'a file of that name stands where the directory should be. Name a directory',
    EISDIR: 'a directory of that name is in the way. Remove it',
  };
}
