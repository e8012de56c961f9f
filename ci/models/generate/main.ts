import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { emitModules, readHeaders } from '../../../uapi/generate/generate.ts';
import { includeFlags, openHeaderTree } from '../../../uapi/generate/header-tree.ts';
import { writeFiles } from '../../../uapi/generate/output-files.ts';
import { projectRoot } from '../../../uapi/project-root.ts';
import { type CommandsWanted, emitIfc, type IfcWanted } from './ifc.ts';
import { emitCommandCodes, emitIfcCommands } from './ifc-commands.ts';

/**
 * Describes headers that a driver shares with its device, and that are no uAPI:
 *
 *     node build/ci/models/generate/main.js --source-tree DIR --source TEXT [MODEL...]
 *
 * DIR is a kernel source tree, TEXT its name and version. What to read is in headers.json.
 */
interface Wanted {
  readonly folder: string;
  /** Headers that the others need and do not include themselves. */
  readonly before: readonly string[];
  /** By their paths from the folder. */
  readonly headers: readonly string[];
  /** Where the description of a header goes that programs need too: into the provider that has it. */
  readonly elsewhere: Readonly<Record<string, string>>;
  /** Of mlx5_ifc.h, which is written in bits. */
  readonly ifc?: IfcWanted;
  /** Commands of it that programs may send. */
  readonly commands?: CommandsWanted;
}

const here = (): string => join(projectRoot(), 'ci/models/generate');

function wantedHeaders(): Readonly<Record<string, Wanted>> {
  return JSON.parse(readFileSync(join(here(), 'headers.json'), 'utf8'));
}

/** @returns the paths of the files that it wrote */
function describe(
  model: string,
  wanted: Wanted,
  sourceTree: string,
  source: string,
): readonly string[] {
  const uapi = openHeaderTree(sourceTree);
  const shims = join(here(), 'shims');
  using copies = new TemporaryDirectory();
  for (const header of wanted.headers) {
    const text = readFileSync(join(sourceTree, wanted.folder, header), 'utf8');
    writeFileSync(join(copies.path, basename(header)), preludeOf(header, wanted) + text);
  }
  const tree = { includeDirs: [copies.path, shims, ...uapi.includeDirs] };
  const compiler = { program: 'clang', includeFlags: includeFlags(tree) };
  const origin = `${source}, ${wanted.folder}`;
  const names = wanted.headers.map((header) => basename(header));
  const files = emitModules(readHeaders(compiler, tree, names), { source: origin });
  const moved = new Map(
    [...files].map(([file, text]) => {
      const path = wanted.elsewhere[file] ?? `ci/models/${model}/headers/${file}`;
      return [path, withLibraryFrom(dirname(path), text)];
    }),
  );
  if (wanted.ifc !== undefined) {
    const folder = join(sourceTree, wanted.folder);
    const texts = wanted.ifc.headers.map((name) => readFileSync(join(folder, name), 'utf8'));
    const files = ifcFiles(model, wanted.ifc, wanted.commands, texts, `mlx5_ifc.h of ${origin}`);
    for (const [path, text] of files) moved.set(path, text);
  }
  writeFiles(projectRoot(), moved);
  return [...moved.keys()];
}

function* ifcFiles(
  model: string,
  ifc: IfcWanted,
  commands: CommandsWanted | undefined,
  texts: readonly string[],
  origin: string,
): Generator<readonly [path: string, text: string]> {
  const path = `ci/models/${model}/headers/ifc.ts`;
  if (commands === undefined) {
    yield [path, emitIfc(texts, ifc, origin)];
    return;
  }
  const codes = `uapi/headers/rdma/${model}-command-codes.ts`;
  yield [codes, emitCommandCodes(texts, commands, origin)];
  yield [`uapi/headers/rdma/${model}-commands.ts`, emitIfcCommands(texts, commands, origin)];
  const { constants } = commands;
  yield [path, emitIfc(texts, ifc, origin, { constants, from: relative(dirname(path), codes) })];
}

class TemporaryDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'uapi-conform-headers-'));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

function preludeOf(header: string, { before }: Wanted): string {
  const others = before.slice(0, before.includes(header) ? before.indexOf(header) : undefined);
  return ['in-kernel.h', ...others].map((name) => `#include <${name}>\n`).join('');
}

/** Generated modules expect to be below uapi/headers/. */
function withLibraryFrom(folder: string, text: string): string {
  return text.replaceAll(/ from '\.\.\/(\w+\.ts)'/g, ` from '${relative(folder, 'uapi')}/$1'`);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'source-tree': { type: 'string' }, source: { type: 'string' } },
});
const { 'source-tree': sourceTree, source } = values;
if (sourceTree === undefined || source === undefined) {
  throw new Error('--source-tree and --source are needed');
}
const models = wantedHeaders();
for (const model of positionals.length > 0 ? positionals : Object.keys(models)) {
  const wanted = models[model];
  if (wanted === undefined) throw new Error(`ci/models/generate/headers.json has no ${model}`);
  const paths = describe(model, wanted, sourceTree, source);
  const format = ['biome', 'check', '--write', ...paths];
  spawnSync('npx', format, { cwd: projectRoot(), stdio: 'inherit' });
}
