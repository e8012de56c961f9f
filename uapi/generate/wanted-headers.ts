import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root.ts';
import { GenerateError } from './generate-error.ts';

/** The headers that this project describes, from uapi/generate/headers.json. */
export function wantedHeaders(): string[] {
  const path = join(projectRoot(), 'uapi/generate/headers.json');
  const data: unknown = JSON.parse(readFileSync(path, 'utf8'));
  const list = typeof data === 'object' && data !== null && 'headers' in data ? data.headers : [];
  const names = Array.isArray(list) ? list.filter((name) => typeof name === 'string') : [];
  if (names.length === 0) throw new GenerateError(`${path}: give "headers", a list of names`);
  return names;
}
