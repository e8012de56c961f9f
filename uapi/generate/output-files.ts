import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The files whose content is not what would be written. */
export function staleFiles(dir: string, files: ReadonlyMap<string, string>): string[] {
  return [...files]
    .filter(([path, text]) => {
      const target = join(dir, path);
      return !existsSync(target) || readFileSync(target, 'utf8') !== text;
    })
    .map(([path]) => path);
}

/** Writes all of them, by paths below a directory. */
export function writeFiles(dir: string, files: ReadonlyMap<string, string>): void {
  for (const [path, text] of files) {
    const target = join(dir, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
}
