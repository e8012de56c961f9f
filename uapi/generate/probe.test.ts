import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import type { AnyStruct, HeaderDescription } from '../description.ts';
import { command, describe, s32, u32, u64 } from '../fields.ts';
import { Struct } from '../layout.ts';
import { projectRoot } from '../project-root.ts';
import type { Width } from './clang.ts';
import { readSymbols } from './elf.ts';
import { includeFlags, openHeaderTree } from './header-tree.ts';
import { listBitFields, type ProbeCounts, writeBitProbe, writeProbe } from './probe.ts';

/**
 * Proves the checked-in descriptions against the headers that they came from, with a compiler that
 * the generator does not use where there is one: gcc, else clang. UAPI_HEADERS names the headers.
 */

const runs = (program: string) => spawnSync(program, ['--version']).status === 0;
const compiler = process.arch === 'x64' && runs('gcc') ? 'gcc' : 'clang';
const noCompiler = runs(compiler) ? false : 'neither gcc nor clang is installed';

const headers = process.env['UAPI_HEADERS'];
const skip =
  headers === undefined
    ? 'set UAPI_HEADERS to the unpacked linux-libc-dev that uapi/headers names'
    : noCompiler;

const gccFlags: Readonly<Record<Width, string>> = { wide: '-m64', narrow: '-m32' };
const clangFlags: Readonly<Record<Width, string>> = {
  wide: '--target=x86_64-linux-gnu',
  narrow: '--target=i386-linux-gnu',
};
const machine = compiler === 'gcc' ? gccFlags : clangFlags;

function compile(flags: readonly string[], source: string) {
  const fixed = ['-std=gnu11', '-ffreestanding', '-nostdinc', '-w', '-x', 'c', '-'];
  const own = spawnSync(compiler, ['-print-file-name=include'], { encoding: 'utf8' }).stdout.trim();
  const all = [...flags, '-isystem', own, ...fixed];
  return spawnSync(compiler, all, { input: source, encoding: 'utf8' });
}

/**
 * Modules of uapi/headers that are of no header of the uAPI: the tables of RDMA verbs, which
 * rdma/tables.test.ts proves, and commands of a device, which its own header has in bits.
 */
const OTHERS = /(^|\/)(uverbs-(driver-)?(methods|commands)|mlx5-command(s|-codes))\.js$/;

async function loadDescriptions(): Promise<HeaderDescription[]> {
  const dir = join(projectRoot(), 'build/uapi/headers');
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();
  const result: HeaderDescription[] = [];
  for (const file of files.filter((name) => /\.js$/.test(name) && !OTHERS.test(name))) {
    const module: { description: HeaderDescription } = await import(
      pathToFileURL(join(dir, file)).href
    );
    result.push(module.description);
  }
  return result;
}

function sum(all: readonly ProbeCounts[]): string {
  const keys = ['sizes', 'offsets', 'types', 'commands', 'constants'] as const;
  const total = (key: keyof ProbeCounts) => all.reduce((so, counts) => so + counts[key], 0);
  return keys.map((key) => `${total(key)} ${key}`).join(', ');
}

t.test('every size, offset, number and constant is what C says', { skip }, async (t) => {
  const flags = includeFlags(openHeaderTree(headers ?? ''));
  const descriptions = await loadDescriptions();
  for (const width of ['wide', 'narrow'] as const) {
    const counts: ProbeCounts[] = [];
    for (const description of descriptions) {
      const probe = writeProbe(description, width);
      const { stderr } = compile([machine[width], '-fsyntax-only', ...flags], probe.source);
      const errors = stderr.split('\n').filter((line) => line.includes('error:'));
      t.strictSame(errors.slice(0, 5), [], `${description.header} ${machine[width]}`);
      counts.push(probe.counts);
    }
    t.comment(`${compiler} ${machine[width]}, ${descriptions.length} headers: ${sum(counts)}`);
  }
});

t.test('bit-fields are where C puts them', { skip }, async (t) => {
  const flags = includeFlags(openHeaderTree(headers ?? ''));
  const dir = mkdtempSync(join(tmpdir(), 'uapi-probe-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const description of await loadDescriptions()) {
    const probes = listBitFields(description);
    if (probes.length === 0) continue;
    for (const width of ['wide', 'narrow'] as const) {
      const object = join(dir, 'bits.o');
      const source = writeBitProbe(description.header, probes);
      const { stderr } = compile([machine[width], '-c', '-o', object, ...flags], source);
      t.equal(stderr, '', `${description.header} ${machine[width]} compiles`);
      const symbols = readSymbols(readFileSync(object));
      for (const [index, { struct, path }] of probes.entries()) {
        const view = width === 'wide' ? struct : struct.abi32;
        const { field } = view.field(path);
        const ones = field.kind === 'bitfield' && field.signed ? -1n : undefined;
        const bits = field.kind === 'bitfield' ? BigInt(field.width) : 0n;
        const buf = view.make();
        view.set(buf, path, ones ?? (1n << bits) - 1n);
        t.strictSame(buf, symbols.get(`bits_${index}`), `${struct.name}.${path}`);
      }
    }
  }
});

/** A hand-written description of fixture/fake/base.h, true unless told otherwise. */
function describeBase(lie: Partial<Record<'size' | 'size32' | 'length' | 'start32', number>>) {
  const { size = 16, size32 = 12, length = 8, start32 = 0 } = lie;
  const fields = () => [u64('start', 0, start32), u32('length', length)];
  const fake_range: AnyStruct = new Struct({ name: 'fake_range', size, size32, fields });
  return describe({
    header: 'fake/base.h',
    source: 'fixture',
    structs: () => ({ fake_range }),
    commands: () => ({}),
    constants: () => ({ FAKE_COMMAND_BASE: 0x40 }),
    enums: () => ({}),
  });
}

t.test('the probe notices a false description', { skip: noCompiler }, async (t) => {
  const flags = includeFlags(openHeaderTree(join(projectRoot(), 'uapi/generate/fixture')));
  const accepts = (description: HeaderDescription, width: Width) =>
    compile([machine[width], '-fsyntax-only', ...flags], writeProbe(description, width).source)
      .status === 0;
  const truth = describeBase({});
  t.ok(accepts(truth, 'wide') && accepts(truth, 'narrow'), 'the truth is accepted');
  t.notOk(accepts(describeBase({ size: 12 }), 'wide'), 'a wrong size');
  t.notOk(accepts(describeBase({ size32: 16 }), 'narrow'), 'a wrong 32-bit size');
  t.notOk(accepts(describeBase({ length: 12 }), 'wide'), 'a wrong offset');
  t.notOk(accepts(describeBase({ start32: 4 }), 'narrow'), 'a wrong 32-bit offset');
  t.notOk(accepts({ ...truth, constants: { FAKE_COMMAND_BASE: 1 } }, 'wide'), 'a wrong constant');
  const reset = command('FAKE_IOWR(1, struct fake_range)', 0x6601);
  t.notOk(accepts({ ...truth, commands: { reset } }, 'wide'), 'a wrong command');
  const unsigned = new Struct({
    name: 'fake_point_t',
    spelling: 'fake_point_t',
    size: 8,
    size32: 8,
    fields: () => [s32('x', 0), u32('y', 4)],
  });
  t.notOk(accepts({ ...truth, structs: { unsigned } }, 'wide'), 'a wrong sign');
});

/** Struct tags and command macros by a reading of the text that knows nothing of C. */
function namesInText(text: string): { structs: string[]; commands: string[] } {
  const plain = text.replace(/\/\*[\s\S]*?\*\//g, '').replaceAll('\\\n', ' ');
  const structs = [...plain.matchAll(/^(?:struct|union)\s+(\w+)\s*\{/gm)].map(
    ([, name = '']) => name,
  );
  const commands = [
    ...plain.matchAll(/^#\s*define\s+(\w+)\s+\(?(?:DRM|AMDKFD)?_?IO[RW]{0,2}\s*\(/gm),
  ];
  return { structs, commands: commands.map(([, name = '']) => name) };
}

t.test('no struct and no command of the text is missing', { skip }, async (t) => {
  const { includeDirs } = openHeaderTree(headers ?? '');
  const pathOf = (header: string) =>
    includeDirs.map((dir) => join(dir, header)).find(existsSync) ?? header;
  let structs = 0;
  let commands = 0;
  for (const description of await loadDescriptions()) {
    const found = namesInText(readFileSync(pathOf(description.header), 'utf8'));
    const unknownStructs = found.structs.filter((name) => !(name in description.structs));
    const unknownCommands = found.commands.filter((name) => !(name in description.commands));
    t.strictSame(unknownStructs, [], `structs of ${description.header}`);
    t.strictSame(unknownCommands, [], `commands of ${description.header}`);
    structs += found.structs.length;
    commands += found.commands.length;
  }
  t.comment(`${structs} structs and ${commands} commands found by text`);
});
