import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Like mkdir -p. Node's own recursive mkdir never ends where mkdir(2) says ENOENT for a directory
 * whose parent is there, as /proc does (Node 20).
 * @returns the topmost directory that was made
 */
export function makeDirectories(path: string): string | undefined {
  if (existsSync(path)) {
    // ENOTDIR of what is no directory: EEXIST would say that it is there.
    statSync(`${path}/`);
    return undefined;
  }
  const above = makeDirectories(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another run may have made it meanwhile.
    if (!existsSync(path)) throw error;
    return above;
  }
  return above ?? path;
}
