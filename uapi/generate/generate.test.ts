import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';
import type { AnyStruct, HeaderDescription } from '../description.ts';
import { listHoles, listLeaves } from '../leaves.ts';
import { projectRoot } from '../project-root.ts';
import { parseType } from './c-type.ts';
import { emitModules, readHeaders } from './generate.ts';
import { includeFlags, openHeaderTree } from './header-tree.ts';
import { relativeImport, typeName } from './names.ts';

const hasClang = spawnSync('clang', ['--version']).status === 0;
const skip = hasClang ? false : 'clang is not installed';
const library = new URL('..', import.meta.url).href.slice(0, -1);

/** Reads the toy tree beside this file. */
function readFixture() {
  const tree = openHeaderTree(join(projectRoot(), 'uapi/generate/fixture'));
  const compiler = { program: 'clang', includeFlags: includeFlags(tree) };
  return readHeaders(compiler, tree, ['fake/device.h']);
}

async function loadFixture(dir: string): Promise<HeaderDescription> {
  for (const [path, text] of emitModules(readFixture(), { source: 'fixture', library })) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  const url = pathToFileURL(join(dir, 'fake/device.mjs')).href;
  const module: { description: HeaderDescription } = await import(url);
  return module.description;
}

function structOf(description: HeaderDescription, name: string): AnyStruct {
  const struct = description.structs[name];
  if (!struct) throw new Error(`no ${name} in ${Object.keys(description.structs).join(' ')}`);
  return struct;
}

t.test('a header becomes a description', { skip }, async (t) => {
  const description = await loadFixture(t.testdir());
  const places = (name: string) =>
    listLeaves(structOf(description, name)).map(
      ({ path, kind, offset, size, offset32, size32 }) =>
        `${path} ${kind} ${offset}+${size} ${offset32}+${size32}`,
    );

  t.equal(description.header, 'fake/device.h');
  t.strictSame(Object.keys(description.structs), [
    'fake_tagged',
    'fake_submit',
    'fake_bits',
    'fake_list',
  ]);

  t.test('members lie where each ABI puts them', async (t) => {
    t.strictSame(places('fake_submit'), [
      'handle unsigned 0+4 0+4',
      'count unsigned 8+8 4+8',
      'text pointer 16+8 12+4',
      'size unsigned 24+8 16+4',
      'mode unsigned 32+4 20+4',
      'level signed 36+4 24+4',
      'address unsigned 40+8 28+8',
      'id unsigned 40+4 28+4',
      'sub unsigned 44+4 32+4',
      'range.start unsigned 40+8 28+8',
      'range.length unsigned 48+4 36+4',
      'routes[0].port unsigned 56+2 40+2',
      'routes[0].tagged.mac array 58+6 42+6',
      'routes[1].port unsigned 64+2 48+2',
      'routes[1].tagged.mac array 66+6 50+6',
      ...[0, 1, 2, 3, 4, 5].flatMap((index) => {
        const path = `points[${Math.floor(index / 3)}][${index % 3}]`;
        const [wide, narrow] = [72 + 8 * index, 56 + 8 * index];
        return [
          `${path}.x signed ${wide}+4 ${narrow}+4`,
          `${path}.y signed ${wide + 4}+4 ${narrow + 4}+4`,
        ];
      }),
      'name chars 120+5 104+5',
      'callback pointer 128+8 112+4',
      'texts array 136+16 116+8',
    ]);
    t.strictSame(listHoles(structOf(description, 'fake_submit')), [
      { offset: 4, size: 4 },
      { offset: 52, size: 4 },
      { offset: 125, size: 3 },
    ]);
  });

  t.test('bit-fields have their bits', async (t) => {
    const bits = structOf(description, 'fake_bits');
    t.strictSame(places('fake_bits'), [
      'low bitfield 0+1 0+1',
      'middle bitfield 0+2 0+2',
      'sign bitfield 2+1 2+1',
      'wide bitfield 3+5 3+5',
      'raw unsigned 3+8 3+8',
    ]);
    const buf = bits.make({ low: 5, middle: 1, sign: -2, wide: 2n ** 40n - 1n });
    t.equal(buf.toString('hex'), '25000effffffffff000000');
    t.strictSame(bits.decode(buf), {
      low: 5,
      middle: 1,
      sign: -2,
      wide: 0xff_ffff_ffffn,
      raw: 0xff_ffff_ffffn,
    });
  });

  t.test('flexible arrays and arrays of longs', async (t) => {
    const list = structOf(description, 'fake_list');
    t.strictSame([list.size, list.size32], [24, 40]);
    t.match(list.field('mask').field, { kind: 'array', length: 4, length32: 8 });
    t.match(list.field('items'), { offset: 24, offset32: 40, field: { flexible: true } });
    t.match(list.field('ranges'), { offset: 24, offset32: 40, field: { flexible: true } });
    t.equal(list.make({ items: [1n, 2n] }, 40).readBigUInt64LE(32), 2n);
  });

  t.test('commands keep their argument', async (t) => {
    const rows = Object.values(description.commands).map(
      ({ name, request, request32, direction, argument, struct }) =>
        `${name} ${request.toString(16)} ${request32.toString(16)} ${direction} ${argument} ${struct?.name}`,
    );
    t.strictSame(rows, [
      'FAKE_IOCTL_BITS c00b6640 c00b6640 readwrite struct fake_bits fake_bits',
      'FAKE_IOCTL_RESET 6600 6600 none undefined undefined',
      'FAKE_IOCTL_SUBMIT c0986641 c07c6641 readwrite struct fake_submit fake_submit',
      'FAKE_IOCTL_SUBMIT_ALIAS c0986641 c07c6641 readwrite struct fake_submit fake_submit',
      'FAKE_IOCTL_RANGE 80106602 800c6602 read struct fake_range fake_range',
      'FAKE_IOCTL_POINT 40086603 40086603 write fake_point_t fake_point_t',
      'FAKE_IOCTL_NUMBER 40046604 40046604 write __s32 undefined',
      'FAKE_IOCTL_LIST 40186605 40286605 write struct fake_list fake_list',
    ]);
  });

  t.test('constants are integers and nothing else', async (t) => {
    t.strictSame(description.constants, {
      FAKE_MODE_OFF: 0,
      FAKE_MODE_ON: 16,
      FAKE_LEVEL_LOW: -1,
      FAKE_LEVEL_HIGH: 0,
      FAKE_FLAG: 0x8000_0000,
      FAKE_WIDE: 2n ** 63n,
      FAKE_NEGATIVE: -2,
      FAKE_NESTED: 17,
      FAKE_CLOEXEC: 0o2000000,
      FAKE_LONG: 8n,
      FAKE_SUBMIT: 1,
    });
    t.strictSame(description.constants32, { FAKE_LONG: 4n });
    t.strictSame(description.enums, {
      fake_mode: { FAKE_MODE_OFF: 0, FAKE_MODE_ON: 16 },
      fake_level: { FAKE_LEVEL_LOW: -1, FAKE_LEVEL_HIGH: 0 },
    });
  });
});

t.test('records of another header are imported from its module', { skip }, async (t) => {
  const models = readFixture();
  t.strictSame(
    models.map(({ header }) => header),
    ['fake/device.h', 'fake/base.h'],
  );
  t.strictSame(models[0]?.dropped, ['FAKE_TEXT', 'FAKE_UNKNOWN', 'FAKE_TYPE']);
  const files = emitModules(models, { source: 'fixture' });
  const text = files.get('fake/device.ts') ?? '';
  t.match(text, /^import \{ fake_point_t, fake_range, .* \} from '\.\/base\.ts';$/m);
  t.notMatch(text, /const fake_range = /);
  t.match(files.get('fake/base.ts'), /spelling: 'fake_point_t'/);
  t.strictSame(emitModules(readFixture(), { source: 'fixture' }), files, 'twice the same');
});

t.test('the command line', { skip }, async (t) => {
  const main = fileURLToPath(new URL('main.js', import.meta.url));
  const fixture = join(projectRoot(), 'uapi/generate/fixture');
  const output = t.testdir();
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
      encoding: 'utf8',
    });
    return { status, text: stdout + stderr };
  };
  const usual = ['--headers', fixture, '--source', 'fixture', '--output', output];
  const both = ['fake/base.h', 'fake/device.h'];
  t.match(run(...usual, '--check', ...both), { status: 1, text: /differs: .*fake\/device\.ts/ });
  t.match(run(...usual, ...both), { status: 0, text: /2 headers, 2 files changed/ });
  t.match(run(...usual, '--check', ...both), { status: 0, text: /0 files changed/ });
  writeFileSync(join(output, 'fake/base.ts'), 'edited');
  const edited = run(...usual, '--check', ...both);
  t.match(edited, { status: 1, text: /differs: .*fake\/base\.ts\n2 headers, 1 files/ });
  t.match(run(...usual, 'fake/none.h'), { status: 2, text: /no header fake\/none\.h/ });
  t.match(run('--headers', output, '--source', 'x'), { status: 2, text: /no kernel headers/ });
  t.match(run('--nonsense'), { status: 2, text: /--nonsense/ });
  t.match(run(...usual, '--clang', '/none', ...both), { status: 2, text: /cannot run \/none/ });
});

t.test('type spellings are taken apart', async (t) => {
  const rows: readonly [string, string, boolean, number[]][] = [
    ['__u32', '__u32', false, []],
    ['const char *', 'char *', true, []],
    ['char *const [4]', 'char *', true, [4]],
    ['volatile unsigned int', 'unsigned int', false, []],
    ['struct drm_clip_rect [2][3]', 'struct drm_clip_rect', false, [2, 3]],
    ['__u8[]', '__u8', false, [0]],
    ['void (*)(int, char)', 'void (*)(int, char)', true, []],
    ['int (*)[4]', 'int (*)[4]', true, []],
    ['union A::(anonymous at x.c:6:21)', 'union (unnamed)', false, []],
    ['struct (unnamed struct at x.c:6:21)[3]', 'struct (unnamed)', false, [3]],
  ];
  for (const [spelling, base, pointer, dimensions] of rows) {
    t.strictSame(parseType(spelling), { base, pointer, dimensions }, spelling);
  }
});

t.test('names of types and modules', async (t) => {
  t.equal(typeName('drm_vgem_fence_attach'), 'DrmVgemFenceAttach');
  t.equal(relativeImport('drm/xe-drm.ts', 'drm/drm.ts'), './drm.ts');
  t.equal(relativeImport('rdma/hfi/a.ts', 'rdma/b.ts'), '../b.ts');
  t.equal(relativeImport('rdma/rxe.ts', 'linux/in.ts'), '../linux/in.ts');
});
