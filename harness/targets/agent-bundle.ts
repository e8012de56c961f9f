/** The files that the target half needs to run elsewhere: little, and no library but koffi. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, sep } from 'node:path';
import { projectRoot } from '../../uapi/project-root.ts';
import { InfraError } from '../errors.ts';

/** Files named relative to a directory, which become the same names on the target. */
interface FileSet {
  readonly directory: string;
  readonly files: readonly string[];
}

/**
 * The bundle as a compressed tar: `build/…`, `node_modules/koffi` with the native code for `arch`, and
 * each provider from outside the tree as a folder of its own name.
 *
 * @param arch as process.arch of the target says it
 * @throws InfraError when this installation has no koffi for it
 */
export function bundleStream(
  arch: string,
  providerPaths: readonly string[],
): NodeJS.ReadableStream {
  const sets = [suiteFiles(), ...koffiFiles(arch), ...providerPaths.map(folderFiles)];
  const list = sets.flatMap(({ directory, files }) => ['-C', directory, ...files]);
  // The list goes through stdin: it is longer than a command line should be.
  const child = spawn('tar', ['-czf', '-', '--owner=0', '--group=0', '-T', '-'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // Without tar the stream ends at once, and the other side says that it got no archive.
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  child.stdin.end(`${list.join('\n')}\n`);
  return child.stdout;
}

function suiteFiles(): FileSet {
  const directory = projectRoot();
  const trees = ['build/uapi', 'build/providers', 'build/harness/agent', 'build/reports'];
  const top = readdirSync(join(directory, 'build/harness'))
    .map((name) => `build/harness/${name}`)
    .filter(isNeeded);
  const files = [...trees.flatMap((tree) => filesBelow(directory, tree)), ...top];
  return { directory, files: ['package.json', ...files] };
}

/** koffi may lie beside this package or below it: wherever it was installed, it is found. */
function koffiFiles(arch: string): readonly FileSet[] {
  const koffi = packageDirectory('koffi');
  const native = join(dirname(koffi), '@koromix', `koffi-linux-${arch}`);
  if (!existsSync(native)) {
    throw new InfraError(
      `koffi has no native code for linux-${arch} in this installation: ` +
        `run \`npm install --no-save --force @koromix/koffi-linux-${arch}\` here.`,
    );
  }
  const directory = dirname(dirname(koffi));
  return [koffi, native].map((folder) => {
    return { directory, files: filesBelow(directory, relative(directory, folder)) };
  });
}

function packageDirectory(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name);
  const inside = `${sep}node_modules${sep}${name}${sep}`;
  return entry.slice(0, entry.lastIndexOf(inside) + inside.length - 1);
}

function folderFiles(folder: string): FileSet {
  const directory = dirname(folder);
  return { directory, files: filesBelow(directory, basename(folder)) };
}

function filesBelow(directory: string, folder: string): string[] {
  return readdirSync(join(directory, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter(isNeeded);
}

function isNeeded(file: string): boolean {
  return /\.(js|json|cjs|node)$/.test(file) && !/\.test\.js$|(^|\/)(vendor|\.git)\//.test(file);
}
