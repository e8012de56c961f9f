import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A folder of compiled code, as an address; `isDeep` with all that is below it. */
export interface CodeFolder {
  readonly url: URL;
  readonly isDeep: boolean;
}

const hashes = new Map<string, string>();

/** Changes with every module of the folders; tests count as none. */
export function codeHash(folders: readonly CodeFolder[]): string {
  const hash = createHash('sha256');
  for (const folder of folders) hash.update(folderHash(folder));
  return hash.digest('hex');
}

function folderHash({ url, isDeep }: CodeFolder): string {
  const key = `${url.href} ${isDeep}`;
  const known = hashes.get(key) ?? contentHash(fileURLToPath(url), isDeep);
  hashes.set(key, known);
  return known;
}

function contentHash(directory: string, isDeep: boolean): string {
  const files = readdirSync(directory, { recursive: isDeep, withFileTypes: true })
    .filter(({ name }) => /(?<!\.test)\.c?js$/.test(name))
    .map(({ parentPath, name }) => join(parentPath, name));
  const hash = createHash('sha256');
  for (const file of files.sort()) hash.update(readFileSync(file));
  return hash.digest('hex');
}
