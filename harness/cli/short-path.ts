import { relative } from 'node:path';

/** A path as people would type it: relative where it is below the working directory. */
export function shortPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === '' || fromHere.startsWith('..') ? path : fromHere;
}
