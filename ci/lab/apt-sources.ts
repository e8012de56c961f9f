/**
 * Package sources derived from the machine's own: the same archives and keys, other suites. So no
 * host name stands in this project, and a mirror or proxy that the machine uses is used here too.
 */

/** One archive as the machine knows it, reduced to what a private source needs. */
export interface ArchiveSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  /** Extra deb822 fields, verbatim: Signed-By above all. */
  readonly fields: Readonly<Record<string, string>>;
}

/** The two archives of Debian: the main one, and security updates, which stand elsewhere. */
export interface DebianArchives {
  readonly main: ArchiveSource;
  readonly security?: ArchiveSource;
}

/** Nothing that weakens apt's own verification (Trusted, Allow-Insecure) is taken over. */
const COPIED = new Set(['Signed-By', 'Check-Valid-Until']);

/** Reads a deb822 file (`*.sources`); disabled and source-only stanzas are left out. */
export function parseDeb822(text: string): ArchiveSource[] {
  const sources: ArchiveSource[] = [];
  for (const stanza of text.split(/\n[ \t]*\n/)) {
    const fields = stanzaFields(stanza);
    if (!words(fields['Types']).includes('deb') || fields['Enabled']?.toLowerCase() === 'no')
      continue;
    const kept = Object.entries(fields).filter(([name]) => COPIED.has(name));
    sources.push({
      uris: words(fields['URIs']),
      suites: words(fields['Suites']),
      fields: Object.fromEntries(kept),
    });
  }
  return sources;
}

function stanzaFields(stanza: string): Record<string, string> {
  const fields: Record<string, string> = {};
  let last = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue;
    if (/^[ \t]/.test(line) && last !== '') {
      fields[last] += `\n${line}`; // an embedded key goes over several lines
      continue;
    }
    const match = /^([A-Za-z-]+):[ \t]*(.*)$/.exec(line);
    if (match === null) continue;
    last = match[1] ?? '';
    fields[last] = match[2] ?? '';
  }
  return fields;
}

/** Reads a file of one-line sources (`*.list`). */
export function parseOneLine(text: string): ArchiveSource[] {
  const sources: ArchiveSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(line);
    if (match === null) continue;
    const [, options = '', uri = '', suite = ''] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    sources.push({
      uris: [uri],
      suites: [suite],
      fields: signedBy === undefined ? {} : { 'Signed-By': signedBy.replaceAll(',', ' ') },
    });
  }
  return sources;
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

/** Picks Debian's archives out of all sources, by the machine's codename; undefined if not Debian. */
export function findArchives(
  sources: readonly ArchiveSource[],
  codename: string,
): DebianArchives | undefined {
  const main = sources.find((source) => source.suites.includes(codename));
  if (main === undefined) return undefined;
  const securityNames = [`${codename}-security`, `${codename}/updates`];
  const security = sources.find((source) => securityNames.some((s) => source.suites.includes(s)));
  return security === undefined ? { main } : { main, security };
}

/** The text of a private `.sources` file for the given suites, this architecture's binaries only. */
export function renderSources(archives: DebianArchives, suites: readonly string[]): string {
  const isSecurity = (suite: string): boolean => suite.endsWith('-security');
  const stanzas = [
    stanza(
      archives.main,
      suites.filter((suite) => !isSecurity(suite)),
    ),
  ];
  if (archives.security !== undefined) {
    stanzas.push(stanza(archives.security, suites.filter(isSecurity)));
  }
  return stanzas.filter((text) => text !== '').join('\n');
}

function stanza(source: ArchiveSource, suites: readonly string[]): string {
  if (suites.length === 0) return '';
  const lines = [
    'Types: deb',
    `URIs: ${source.uris.join(' ')}`,
    `Suites: ${suites.join(' ')}`,
    'Components: main',
    'Architectures: amd64',
    ...Object.entries(source.fields).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join('\n')}\n`;
}
