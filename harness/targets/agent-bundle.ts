/** The files that the target half needs to run elsewhere: little, and no library but koffi. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { projectRoot } from '../../uapi/project-root.ts';
import { InfraError } from '../errors.ts';

/** What does not run on the target: tests, maps, types, and what koffi is built from. */
const EXCLUDED = ['*.test.js', '*.map', '*.d.ts', '*.md', '.git', 'vendor', 'doc', '*.cc', '*.hh'];

/**
 * The bundle as a compressed tar: `build/…`, `node_modules/koffi` with the native code for `arch`, and
 * the providers from outside the tree where `placeInBundle` says.
 *
 * @param arch as process.arch of the target says it
 * @throws InfraError when this installation has no koffi for it
 */
export function bundleStream(arch: string, providerPaths: readonly string[]): Readable {
  const root = projectRoot();
  const top = readdirSync(join(root, 'build/harness'))
    .filter((name) => name.endsWith('.js'))
    .map((name) => `build/harness/${name}`);
  const trees = [
    'build/uapi',
    'build/providers',
    'build/harness/agent',
    'build/reports/results.js',
  ];
  const others = providerPaths.flatMap((path) => {
    const { base, name } = placeInBundle(path);
    return ['-C', base, name];
  });
  const excluded = EXCLUDED.map((pattern) => `--exclude=${pattern}`);
  const suite = ['-C', root, 'package.json', ...trees, ...top];
  const child = spawn('tar', ['-czf', '-', ...excluded, ...suite, ...koffi(arch), ...others], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // Without tar the stream ends at once, and the other side says that it got no archive.
  child.on('error', () => {});
  return child.stdout;
}

/**
 * Where a provider folder stands in the bundle: below this project it keeps its place, since it may
 * import its neighbours; from elsewhere it is a folder of its own name.
 */
export function placeInBundle(path: string): { readonly base: string; readonly name: string } {
  const root = projectRoot();
  const name = relative(root, path);
  const isInside = name !== '' && !name.startsWith('..');
  return isInside ? { base: root, name } : { base: dirname(path), name: basename(path) };
}

/** koffi may lie beside this package or below it: wherever it was installed, it is found. */
function koffi(arch: string): readonly string[] {
  const modules = dirname(packageDirectory('koffi'));
  const native = `@koromix/koffi-linux-${arch}`;
  if (!existsSync(join(modules, native))) {
    throw new InfraError(
      `koffi has no native code for linux-${arch} in this installation: ` +
        `run \`npm install --no-save --force @koromix/koffi-linux-${arch}\` here.`,
    );
  }
  return ['-C', dirname(modules), 'node_modules/koffi', `node_modules/${native}`];
}

function packageDirectory(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name);
  const inside = `${sep}node_modules${sep}${name}${sep}`;
  return entry.slice(0, entry.lastIndexOf(inside) + inside.length - 1);
}
