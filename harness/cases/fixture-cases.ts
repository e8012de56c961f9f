import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CONTRACT_VERSION, type Provider } from '../../providers/contract.ts';
import { UsageError } from '../errors.ts';
import { loadCases } from './load.ts';
import type { LoadedCase } from './loaded-case.ts';

/** What the tests of this folder share: providers that drive nothing, and case directories. */

function fakeProvider(about: Pick<Provider, 'name' | 'offers' | 'headers'>): Provider {
  const cannot = () => {
    throw new Error('a test opened a device');
  };
  return {
    contract: CONTRACT_VERSION,
    title: about.name,
    driver: about.name,
    find: () => [],
    probe: cannot,
    open: cannot,
    adopt: cannot,
    ...about,
  };
}

export const GEM: Provider = fakeProvider({
  name: 'gem',
  offers: ['alloc', 'map', 'export', 'import', 'fence', 'handles'],
  headers: ['drm/drm', 'drm/drm-mode', 'drm/vgem-drm'],
});

export const HEAP: Provider = fakeProvider({
  name: 'heap',
  offers: ['alloc', 'alloc-access', 'map', 'export'],
  headers: ['linux/dma-heap'],
});

/** Puts a place in a text; the mark itself is taken out. */
export const MARK = '«';

export interface Outcome {
  readonly cases: readonly LoadedCase[];
  /** Problems, one a line, with paths relative to the case directory. */
  readonly problems: readonly string[];
}

/** Loads a case directory of these files. */
export async function loadFiles(
  files: Readonly<Record<string, string>>,
  providers: readonly Provider[] = [GEM, HEAP],
): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'uapi-conform-cases-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text.replaceAll(MARK, ''));
    }
    return { cases: await loadCases([directory], providers), problems: [] };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { cases: [], problems: error.message.replaceAll(`${directory}/`, '').split('\n') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** `line:column` of the mark in a text. */
export function placeOf(text: string): string {
  const before = text.slice(0, text.indexOf(MARK)).split('\n');
  return `${before.length}:${(before.at(-1) ?? '').length + 1}`;
}

/** A topic with one case; `head` comes before its steps. */
export function topicWith(steps: string, head = '', top = ''): string {
  return `{"topic": "A topic", "needs": ["alloc", "map", "export"],${top}
"cases": [{"name": "one", "title": "A case", "rules": ["ALLOC-001"],${head}
"steps": [
${steps}
]}]}
`;
}
