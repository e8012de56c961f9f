import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InfraError } from '../../harness/errors.ts';
import {
  type ArchiveSource,
  type DebianArchives,
  findArchives,
  parseDeb822,
  parseOneLine,
  renderSources,
} from './apt-sources.ts';
import { cacheDir, publishFile } from './cache.ts';
import { lastWords, type ProgramResult, runProgram, tryProgram } from './programs.ts';

/** One version of one package, as apt knows it. */
export interface PackageVersion extends PackageName {
  /** Parts of the same build that it depends on. */
  readonly siblings: readonly PackageName[];
  /** The names of all packages that it depends on; of alternatives each. */
  readonly depends: readonly string[];
}

export interface PackageName {
  readonly name: string;
  readonly version: string;
}

/** An apt of our own: the machine's archives and keys, other suites, state in our cache. */
export interface PrivateApt {
  /** Fetches the package lists, unless that was done in the last hour and `force` is not set. */
  update(say: Say, force?: boolean): Promise<void>;
  /** All versions of the packages whose name matches an (extended) regular expression. */
  versions(namePattern: string): Promise<PackageVersion[]>;
  /**
   * These packages (`name` or `name=version`) and all that they depend on, on an empty system; of one
   * suite before all others, where that is given.
   */
  closure(packages: readonly string[], suite?: string): Promise<PackageName[]>;
  /** Downloads packages (apt checks their hashes) and unpacks them all into one directory. */
  unpack(packages: readonly PackageName[], into: string, say: Say): Promise<void>;
}

export type Say = (line: string) => void;

const LISTS_FRESH_MS = 3_600_000;

/** @throws InfraError on a machine that has no Debian package sources */
export async function openApt(suites: readonly string[]): Promise<PrivateApt> {
  const archives = await machineArchives();
  const base = cacheDir('apt', [...suites].sort().join('+'));
  for (const part of ['lists/partial', 'cache/archives/partial']) {
    await mkdir(join(base, part), { recursive: true });
  }
  await publishFile(join(base, 'debian.sources'), renderSources(archives, suites));
  await publishFile(join(base, 'apt.conf'), aptConfiguration(base));
  return {
    update: (say, force = false) => update(base, say, force),
    versions: (pattern) => versions(base, pattern),
    closure: (packages, suite) => closure(base, packages, suite),
    unpack: (packages, into, say) => unpack(base, packages, into, say),
  };
}

/**
 * Read through APT_CONFIG, after the machine's own configuration, so that its proxy settings hold.
 * The sandbox user is root because the cache stands in a home directory, which `_apt` cannot enter.
 */
function aptConfiguration(base: string): string {
  const settings: Readonly<Record<string, string>> = {
    'Dir::Etc::SourceList': `${base}/debian.sources`,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'Dir::State::Lists': `${base}/lists`,
    'Dir::State::status': '/dev/null',
    'Dir::Cache': `${base}/cache`,
    'Dir::Cache::pkgcache': 'pkgcache.bin',
    'Dir::Cache::srcpkgcache': 'srcpkgcache.bin',
    'APT::Architecture': 'amd64',
    'APT::Architectures': 'amd64',
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'Acquire::http::Timeout': '30',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";`);
  return `#clear APT::Architectures;\n#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n${lines.join('\n')}\n`;
}

async function machineArchives(): Promise<DebianArchives> {
  const codename = /^VERSION_CODENAME=(\S+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1];
  const archives = findArchives(await machineSources(), codename ?? '');
  if (archives !== undefined) return archives;
  throw new InfraError(
    `no package source for Debian ${codename ?? '(unknown release)'} in /etc/apt; ` +
      'give a kernel of your own with --kernel bzImage --modules DIR',
  );
}

async function machineSources(): Promise<ArchiveSource[]> {
  const parts = '/etc/apt/sources.list.d';
  const names = existsSync(parts) ? (await readdir(parts)).sort() : [];
  const sources: ArchiveSource[] = [];
  for (const path of ['/etc/apt/sources.list', ...names.map((name) => join(parts, name))]) {
    if (!existsSync(path)) continue;
    const text = await readFile(path, 'utf8');
    if (path.endsWith('.sources')) sources.push(...parseDeb822(text));
    if (path.endsWith('.list')) sources.push(...parseOneLine(text));
  }
  return sources;
}

/** Runs an apt program on the private state; runs side by side wait for each other (flock(1)). */
function tryApt(base: string, argv: readonly string[], cwd = base): Promise<ProgramResult> {
  const env = { APT_CONFIG: join(base, 'apt.conf') };
  return tryProgram(['flock', join(base, 'lock'), ...argv], { cwd, env });
}

async function apt(base: string, argv: readonly string[], cwd = base): Promise<string> {
  const result = await tryApt(base, argv, cwd);
  if (result.status === 0) return result.stdout;
  throw new InfraError(`${argv.join(' ')} failed: ${lastWords(result.stderr)}`);
}

async function update(base: string, say: Say, force: boolean): Promise<void> {
  const stamp = join(base, 'updated');
  const isFresh = existsSync(stamp) && Date.now() - (await stat(stamp)).mtimeMs < LISTS_FRESH_MS;
  if (isFresh && !force) return;
  say('fetching package lists');
  const fetched = await tryApt(base, ['apt-get', 'update', '-q', '--error-on=any']);
  if (fetched.status !== 0) {
    throw new InfraError(`package lists cannot be fetched: ${lastWords(fetched.stderr)}`);
  }
  await writeFile(stamp, '');
}

async function versions(base: string, namePattern: string): Promise<PackageVersion[]> {
  const found = await apt(base, ['apt-cache', 'search', '--names-only', namePattern]);
  const names = found.split('\n').flatMap((line) => line.split(' - ')[0] || []);
  if (names.length === 0) return [];
  const text = await apt(base, ['apt-cache', 'show', '-a', ...names]);
  return text.split(/\n\n+/).flatMap((stanza) => parseStanza(stanza) ?? []);
}

async function closure(
  base: string,
  packages: readonly string[],
  suite?: string,
): Promise<PackageName[]> {
  const first = suite === undefined ? [] : ['-t', suite];
  const argv = ['apt-get', 'install', '-s', '-q', '--no-install-recommends', ...first];
  return parseSimulation(await apt(base, [...argv, ...packages]));
}

/** What `apt-get install -s` would unpack: lines `Inst libc6 (2.41-12 Debian:13.7/stable [amd64])`. */
export function parseSimulation(text: string): PackageName[] {
  const lines = text.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+) /gm);
  return [...lines].map(([, name = '', version = '']) => ({ name, version }));
}

/** One stanza of `apt-cache show`; dependencies with `(= version)` are parts of the same build. */
export function parseStanza(stanza: string): PackageVersion | undefined {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1];
  const name = field('Package');
  const version = field('Version');
  if (name === undefined || version === undefined) return undefined;
  const text = field('Depends') ?? '';
  const exactly = [...text.matchAll(/([a-z0-9.+-]+) \(= ([^)]+)\)/g)];
  const siblings = exactly.map(([, part = '', exact = '']) => ({ name: part, version: exact }));
  const depends = text.split(/[,|]/).flatMap((part) => part.trim().split(' ')[0] || []);
  return { name, version, siblings, depends };
}

async function unpack(
  base: string,
  packages: readonly PackageName[],
  into: string,
  say: Say,
): Promise<void> {
  const debs = join(into, '.debs');
  await mkdir(debs, { recursive: true });
  const [first, ...others] = packages;
  if (first === undefined) return;
  const more = others.length === 0 ? '' : ` and ${others.length} more packages`;
  say(`fetching ${first.name} ${first.version}${more}`);
  const names = packages.map((item) => `${item.name}=${item.version}`);
  await apt(base, ['apt-get', 'download', '-q', ...names], debs);
  for (const deb of await readdir(debs)) {
    await runProgram(['dpkg-deb', '-x', join(debs, deb), into]);
  }
  await rm(debs, { recursive: true });
}
