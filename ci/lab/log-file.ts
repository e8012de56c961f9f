import { createWriteStream, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { announce } from '../../harness/announce.ts';
import { makeDirectories } from '../../reports/make-directories.ts';

/**
 * A log that goes on over all boots. Where it cannot be written, that is said once, and the run goes on
 * without it.
 */
export function openLog(path: string, title = ''): WriteStream {
  makeDirectories(dirname(path));
  const log = createWriteStream(path, { flags: 'a' });
  log.on('error', ({ message }) => announce(`${path} is not complete: ${message}`));
  log.write(`${`=== ${new Date().toISOString()} ${title}`.trimEnd()}\n`);
  return log;
}
