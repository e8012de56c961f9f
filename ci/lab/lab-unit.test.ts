import { join } from 'node:path';
import t from 'tap';
import { UsageError } from '../../harness/errors.ts';
import { probeFirmware } from './accelerator.ts';
import { parseStanza } from './apt.ts';
import { findArchives, parseDeb822, parseOneLine, renderSources } from './apt-sources.ts';
import { imageRelease } from './author-kernel.ts';
import { assertCache } from './cache.ts';
import { addConsoleLine, type ConsoleState, classifyLoss, labLine } from './console.ts';
import { DIRECTORY, PLAIN_FILE, writeCpio } from './cpio.ts';
import { compareVersions } from './debian-version.ts';
import { sourcePackage } from './kernel-source.ts';
import { NAMED_KERNELS, newestImage } from './kernels.ts';
import { moduleName, parseModuleIndex, planModules } from './modules.ts';
import { lastWords, runProgram } from './programs.ts';
import { guestMemoryMiB, qemuArguments } from './qemu-command.ts';
import { startsByPvh, unpackedKernel } from './unpacked-kernel.ts';

const DEB822 = `# a comment
Types: deb deb-src
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://archive.example/debian-security
Suites: bookworm-security
Trusted: yes
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc

Types: deb
Enabled: no
URIs: http://other.example/x
Suites: bookworm
`;

t.test('deb822 sources give both archives with their keys, and no more trust', async (t) => {
  const archives = findArchives(parseDeb822(DEB822), 'bookworm');
  t.strictSame(archives?.main.uris, ['http://archive.example/debian']);
  t.strictSame(archives?.security?.fields, {
    'Signed-By': '\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc',
  });
  const text = archives === undefined ? '' : renderSources(archives, ['trixie', 'trixie-security']);
  t.match(text, /URIs: http:\/\/archive\.example\/debian\nSuites: trixie\n/);
  t.match(text, /URIs: http:\/\/archive\.example\/debian-security\nSuites: trixie-security\n/);
  t.notMatch(text, /Trusted/);
});

t.test('one-line sources are read like deb822 ones', async (t) => {
  const text = [
    '# deb http://commented.example/debian trixie main',
    'deb-src http://archive.example/debian trixie main',
    'deb [arch=amd64 signed-by=/k/a.gpg,/k/b.gpg trusted=yes] http://archive.example/debian trixie main',
    'deb http://security.example/ trixie-security main',
  ].join('\n');
  const archives = findArchives(parseOneLine(text), 'trixie');
  t.strictSame(archives, {
    main: {
      uris: ['http://archive.example/debian'],
      suites: ['trixie'],
      fields: { 'Signed-By': '/k/a.gpg /k/b.gpg' },
    },
    security: { uris: ['http://security.example/'], suites: ['trixie-security'], fields: {} },
  });
});

t.test('sources of another distribution are none', async (t) => {
  t.equal(
    findArchives(parseOneLine('deb http://archive.example/ubuntu noble main'), 'x'),
    undefined,
  );
});

t.test('without a security archive only the main one is used', async (t) => {
  const archives = findArchives(parseOneLine('deb http://archive.example/debian sid main'), 'sid');
  const text = archives === undefined ? '' : renderSources(archives, ['trixie', 'trixie-security']);
  t.match(text, /Suites: trixie\n/);
  t.notMatch(text, /trixie-security/);
});

const VERSIONS = [
  ['6.12.9-1', '6.12.117-1'],
  ['7.2.13-1~bpo13+1', '7.2.13-1'],
  ['7.2~rc1-1', '7.2-1'],
  ['6.1.192-1', '6.1.192-2'],
  ['9.0-1', '1:0.1-1'],
  ['1.0a', '1.0+b'],
  ['6.12.90+deb13', '6.12.90+deb13.1'],
] as const;

for (const [lower, higher] of VERSIONS) {
  t.test(`${lower} is lower than ${higher}`, async (t) => {
    t.ok(compareVersions(lower, higher) < 0);
    t.ok(compareVersions(higher, lower) > 0);
    t.equal(compareVersions(lower, lower), 0);
  });
}

t.test('the newest image is the signed one of the highest version', async (t) => {
  const images = [
    { name: 'linux-image-6.12.9+deb13-amd64', version: '6.12.9-1', siblings: [] },
    { name: 'linux-image-6.12.117+deb13-amd64-unsigned', version: '6.12.117-1', siblings: [] },
    { name: 'linux-image-6.12.117+deb13-amd64', version: '6.12.117-1', siblings: [] },
  ];
  t.equal(newestImage(images)?.name, 'linux-image-6.12.117+deb13-amd64');
  t.equal(newestImage([]), undefined);
});

const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'linux-image-6.12.117+deb13-amd64': ['debian-6.12', 'newest'],
  'linux-image-6.12.117+deb13-amd64-unsigned': ['debian-6.12', 'newest'],
  'linux-image-6.1.0-56-amd64': ['debian-6.1', 'newest'],
  'linux-image-7.2.13+deb14-amd64': ['newest'],
  'linux-image-6.12.117+deb13-rt-amd64': [],
  'linux-image-6.12.117+deb13-cloud-amd64': [],
  'linux-image-6.12.117+deb13-amd64-dbg': [],
  'linux-image-6.1.0-56-rt-amd64-unsigned': [],
  'linux-image-6.12-amd64': [],
  'linux-image-amd64': [],
};

for (const [name, expected] of Object.entries(PACKAGES)) {
  t.test(`${name} is a package of ${expected.join(' and ') || 'no kernel'}`, async (t) => {
    const fit = NAMED_KERNELS.filter((kernel) => new RegExp(kernel.packagePattern).test(name));
    t.strictSame(fit.map((kernel) => kernel.name).sort(), [...expected].sort());
  });
}

t.test('parts of one build are dependencies of exactly one version', async (t) => {
  const stanza = [
    'Package: linux-image-7.2.13+deb14-amd64',
    'Version: 7.2.13-1',
    'Depends: dracut | initramfs-tools (>= 0.120), linux-binary-7.2.13+deb14-amd64 (= 7.2.13-1)',
  ].join('\n');
  t.match(parseStanza(stanza), {
    name: 'linux-image-7.2.13+deb14-amd64',
    version: '7.2.13-1',
    siblings: [{ name: 'linux-binary-7.2.13+deb14-amd64', version: '7.2.13-1' }],
  });
  t.equal(parseStanza('Package: virtual'), undefined);
});

t.test('the source of a kernel is the package of its own version', async (t) => {
  const kernel = { name: 'newest', release: '7.2.13+deb14-amd64', image: '/k', origin: '' };
  t.equal(sourcePackage(kernel), undefined, "an author's own");
  const ours = { name: 'linux-image-7.2.13+deb14-amd64', version: '7.2.13-1' };
  t.strictSame(sourcePackage({ ...kernel, package: ours }), {
    name: 'linux-source-7.2',
    version: '7.2.13-1',
  });
});

const INDEX = parseModuleIndex(
  [
    'kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz',
    'kernel/net/9p/9pnet.ko.xz: kernel/fs/netfs/netfs.ko.xz',
    'kernel/fs/netfs/netfs.ko.xz:',
    'kernel/drivers/gpu/drm/virtio/virtio-gpu.ko.xz:',
    '',
  ].join('\n'),
  'kernel/drivers/virtio/virtio_pci.ko\n',
  'udmabuf.author=Somebody\0udmabuf.license=GPL\0',
);

t.test('modules are planned in loading order, each once', async (t) => {
  t.strictSame(planModules(INDEX, ['9p', 'netfs', 'virtio-gpu', 'virtio_gpu']), {
    files: [
      'kernel/fs/netfs/netfs.ko.xz',
      'kernel/net/9p/9pnet.ko.xz',
      'kernel/fs/9p/9p.ko.xz',
      'kernel/drivers/gpu/drm/virtio/virtio-gpu.ko.xz',
    ],
    missing: [],
  });
});

t.test('built-in modules are neither loaded nor missing', async (t) => {
  t.strictSame(planModules(INDEX, ['virtio_pci', 'udmabuf']), { files: [], missing: [] });
  t.strictSame(planModules(INDEX, ['vkms']), { files: [], missing: ['vkms'] });
});

t.test('an optional module is loaded where there is one, and missed nowhere', async (t) => {
  const index = parseModuleIndex('kernel/a.ko:\n', '');
  t.strictSame(planModules(index, ['a?', 'b?']), { files: ['kernel/a.ko'], missing: [] });
});

t.test('a module has one name, however its file is spelt', async (t) => {
  for (const file of ['a/virtio-gpu.ko', 'virtio_gpu.ko.zst', 'virtio-gpu']) {
    t.equal(moduleName(file), 'virtio_gpu');
  }
});

const END = {
  wasReady: true,
  reason: 'exit',
  timeoutMs: 60_000,
  qemuError: '',
  qemuStatus: 'status 0',
} as const;

const LOSSES = [
  {
    name: 'a panic goes before the exit that it causes',
    lines: [
      '[    3.1] BUG: kernel NULL pointer dereference, address: 0000000000000008',
      '[    3.2] Kernel panic - not syncing: Fatal exception',
    ],
    end: END,
    kind: 'panic',
    message: /panicked: Fatal exception/,
    signs: [/^BUG: kernel NULL pointer/],
  },
  {
    name: 'a panic before the agent is a panic too',
    lines: ['[    0.9] Kernel panic - not syncing: Attempted to kill init!'],
    end: { ...END, wasReady: false },
    kind: 'panic',
    message: /Attempted to kill init/,
  },
  {
    name: 'a failure of our own script is a boot failure',
    lines: ['lab: failed: cannot mount the overlay (CONFIG_OVERLAY_FS)'],
    end: { ...END, wasReady: false },
    kind: 'boot-failure',
    message: /did not boot: cannot mount the overlay \(CONFIG_OVERLAY_FS\)/,
  },
  {
    name: 'an agent that ends before it is ready is a boot failure',
    lines: ['lab: the agent ended with status 1'],
    end: { ...END, wasReady: false },
    kind: 'boot-failure',
    message: /agent ended with status 1/,
  },
  {
    name: 'what QEMU says is a boot failure',
    lines: [],
    end: { ...END, wasReady: false, qemuError: "'x' is not a valid device model name" },
    kind: 'boot-failure',
    message: /not a valid device model/,
  },
  {
    name: 'silence is a boot timeout',
    lines: ['[    1.0] something'],
    end: { ...END, wasReady: false, reason: 'timeout' },
    kind: 'boot-timeout',
    message: /within 60 s/,
  },
  {
    name: 'an agent that ends later ends the guest',
    lines: ['lab: the agent ended with status 0'],
    end: END,
    kind: 'exited',
    message: /agent ended with status 0/,
  },
  {
    name: 'our own shutdown is no failure, whatever the console says',
    lines: ['Kernel panic - not syncing: late'],
    end: { ...END, reason: 'closed' },
    kind: 'closed',
    message: /shut down/,
  },
] as const;

for (const row of LOSSES) {
  t.test(row.name, async (t) => {
    const state = row.lines.reduce<ConsoleState>(addConsoleLine, { tail: '' });
    const loss = classifyLoss(state, row.end);
    t.equal(loss.kind, row.kind);
    t.match(loss.message, row.message);
    if ('signs' in row) t.match(loss.signs, row.signs);
    t.equal(loss.console, row.lines.map((line) => `${line}\n`).join(''));
  });
}

t.test('the console keeps its end only', async (t) => {
  let state: ConsoleState = { tail: '' };
  for (let i = 0; i < 1000; i++) state = addConsoleLine(state, `line ${i} ${'x'.repeat(60)}`);
  t.equal(state.tail.length, 16 * 1024);
  t.match(state.tail, /line 999 x+\n$/);
});

t.test('people are told what our scripts say, but not how they end', async (t) => {
  t.equal(labLine('lab: module vkms cannot be loaded'), 'module vkms cannot be loaded');
  t.equal(labLine('lab: failed: no tmpfs'), undefined);
  t.equal(labLine('lab: the agent ended with status 0'), undefined);
  t.equal(labLine('[ 1.0] lab: x'), undefined);
});

t.test('QEMU gets a read-only root, no network, the port and the devices', async (t) => {
  const args = qemuArguments({
    accelerator: 'tcg',
    image: '/k/vmlinuz',
    initramfs: '/k/i.cpio',
    devices: ['virtio-gpu-pci'],
    glDevices: [],
    memoryMiB: 2048,
    interactive: false,
  });
  const line = args.join(' ');
  t.match(line, /-accel tcg,thread=multi -cpu max,/);
  t.match(line, /readonly=on/);
  t.match(line, /-nodefaults/);
  t.match(line, /-no-reboot/);
  t.match(line, /socket,id=agent,fd=3/);
  t.match(line, /-device virtio-gpu-pci/);
  t.notMatch(line, /netdev|-nic/);
  t.match(line, /-display none/);
});

t.test('a device that renders comes before all others, with a display that has GL', async (t) => {
  const line = qemuArguments({
    accelerator: 'tcg',
    image: '/k/vmlinuz',
    initramfs: '/k/i.cpio',
    devices: ['virtio-gpu-pci'],
    glDevices: ['virtio-gpu-gl-pci'],
    memoryMiB: 2048,
    interactive: false,
  }).join(' ');
  t.match(line, /-device virtio-gpu-gl-pci -device virtio-gpu-pci$/);
  t.match(line, /-display sdl,gl=on/);
  t.notMatch(line, /-display none/);
});

t.test('a guest gets half of the memory, between 1 and 4 GiB', async (t) => {
  t.equal(guestMemoryMiB(64 * 2 ** 30), 4096);
  t.equal(guestMemoryMiB(6 * 2 ** 30), 3072);
  t.equal(guestMemoryMiB(2 ** 30), 1024);
});

t.test('a cpio archive has aligned records and a trailer', async (t) => {
  const content = Buffer.from('hello');
  const archive = writeCpio([
    { path: 'dir', mode: DIRECTORY },
    { path: 'dir/file', mode: PLAIN_FILE, content },
  ]);
  t.equal(archive.length % 4, 0);
  t.equal(archive.subarray(0, 6).toString(), '070701');
  const second = archive.indexOf('070701', 6);
  t.equal(second % 4, 0);
  const size = Number.parseInt(archive.subarray(second + 54, second + 62).toString(), 16);
  t.equal(size, content.length);
  t.ok(archive.includes('TRAILER!!!'));
});

t.test('a kernel image says its release; other files are refused by name', async (t) => {
  const head = Buffer.alloc(0x8000);
  head.write('HdrS', 0x202, 'latin1');
  head.writeUInt16LE(0x3000, 0x20e);
  head.write('7.3.0-rc2+ (me@there) #1 SMP', 0x3200, 'latin1');
  t.equal(imageRelease(head, 'bzImage'), '7.3.0-rc2+');
  t.throws(() => imageRelease(Buffer.alloc(0x8000), '/x/vmlinux'), UsageError);
  t.throws(() => imageRelease(Buffer.alloc(10), '/x/empty'), /\/x\/empty is not an x86 kernel/);
});

t.test('the accelerator probe starts at the reset vector', async (t) => {
  const firmware = probeFirmware();
  t.equal(firmware.length, 65_536);
  t.equal(firmware.toString('hex', firmware.length - 16, firmware.length - 14), '66b9', 'mov ecx');
});

/** An ELF file of one header and nothing but notes. */
function elfWithNote(name: string, type: number): Buffer {
  const elf = Buffer.alloc(160);
  elf.write('7f454c4602', 'hex');
  elf.writeBigUInt64LE(64n, 32); // e_phoff
  elf.writeUInt16LE(56, 54); // e_phentsize
  elf.writeUInt16LE(1, 56); // e_phnum
  elf.writeUInt32LE(4, 64); // PT_NOTE
  elf.writeBigUInt64LE(120n, 64 + 8); // p_offset
  elf.writeBigUInt64LE(36n, 64 + 32); // p_filesz
  elf.writeUInt32LE(4, 120); // a note without data before the one looked for
  elf.writeUInt32LE(4, 136);
  elf.writeUInt32LE(4, 136 + 4);
  elf.writeUInt32LE(type, 136 + 8);
  elf.write(`${name}\0`, 136 + 12, 'latin1');
  return elf;
}

t.test('a kernel is started unpacked where it says how', async (t) => {
  const PVH = 18;
  t.ok(startsByPvh(elfWithNote('Xen', PVH)));
  t.notOk(startsByPvh(elfWithNote('Xen', PVH - 1)));
  t.notOk(startsByPvh(elfWithNote('GNU', PVH)));
  t.notOk(startsByPvh(Buffer.from('MZ')));
  const folder = t.testdir({ bzImage: 'no kernel at all' });
  const image = join(folder, 'bzImage');
  t.equal(await unpackedKernel(image), image, 'what cannot be unpacked is started as it is');
});

t.test('a cache that cannot be had is named, with the mend', async (t) => {
  const { XDG_CACHE_HOME: before = '' } = process.env;
  t.teardown(() => {
    process.env['XDG_CACHE_HOME'] = before;
  });
  process.env['XDG_CACHE_HOME'] = '/proc/moon';
  t.throws(assertCache, { message: /\/proc\/moon\/uapi-conform: .*ENOENT.* Set XDG_CACHE_HOME/ });
});

t.test('of a long output the error is told, of a long command its begin', async (t) => {
  t.equal(lastWords('a\nInfraError: why\n  at x\nNode.js v20'), 'InfraError: why');
  t.equal(lastWords('E: no package\nmore'), 'no package');
  t.equal(lastWords('one\ntwo\n'), 'two');
  const failing = runProgram(['sh', '-c', 'exit 1', 'x'.repeat(1000)]);
  await t.rejects(failing, { message: /^sh -c exit 1 x{50,200}… failed: it said nothing$/ });
});
