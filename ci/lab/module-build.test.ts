import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseSimulation, parseStanza } from './apt.ts';
import { useOwnLoader } from './own-loader.ts';

t.test('what an installation would unpack is read from its simulation', async (t) => {
  const text = [
    'NOTE: This is only a simulation!',
    'Inst libgcc-s1 (14.2.0-19 Debian:13.7/stable [amd64]) []',
    'Inst zlib1g (1:1.3.dfsg+really1.3.1-1 Debian-Security:13/stable-security [amd64])',
    'Inst make [4.3-4] (4.4.1-2 Debian:13.7/stable [amd64])',
    'Conf libgcc-s1 (14.2.0-19 Debian:13.7/stable [amd64])',
  ].join('\n');
  t.strictSame(parseSimulation(text), [
    { name: 'libgcc-s1', version: '14.2.0-19' },
    { name: 'zlib1g', version: '1:1.3.dfsg+really1.3.1-1' },
    { name: 'make', version: '4.4.1-2' },
  ]);
});

t.test('dependencies are read by name, alternatives each', async (t) => {
  const stanza = 'Package: a\nVersion: 1\nDepends: b (>= 2~), c (= 1) | d (= 1), gcc-14\n';
  t.strictSame(parseStanza(stanza)?.depends, ['b', 'c', 'd', 'gcc-14']);
  t.strictSame(parseStanza('Package: a\nVersion: 1\n')?.depends, []);
});

const LIBRARIES = '/lib/x86_64-linux-gnu';
const LOADER = 'ld-linux-x86-64.so.2';

t.test(
  'a program runs with the loader of its tree',
  { skip: process.arch !== 'x64' },
  async (t) => {
    const base = t.testdir();
    const [unpacked, place] = [join(base, 'new'), join(base, 'tree')];
    const libraries = join(unpacked, 'usr/lib/x86_64-linux-gnu');
    mkdirSync(libraries, { recursive: true });
    mkdirSync(join(unpacked, 'usr/bin'));
    for (const file of [LOADER, 'libc.so.6']) {
      copyFileSync(join(LIBRARIES, file), join(libraries, file));
      chmodSync(join(libraries, file), 0o755);
    }
    copyFileSync('/bin/cat', join(unpacked, 'usr/bin/cat'));
    writeFileSync(join(unpacked, 'usr/bin/script'), '#!/bin/sh\n', { mode: 0o755 });
    await useOwnLoader(unpacked, place);
    renameSync(unpacked, place);

    const run = spawnSync(join(place, 'usr/bin/cat'), ['/proc/self/cmdline', '/proc/self/maps']);
    const text = run.stdout.toString();
    t.match(text, `${place}/usr/lib/x86_64-linux-gnu/libc.so.6`, 'its own C library');
    t.match(text, `--argv0\0${place}/usr/bin/cat\0`, 'by the name that it was called by');
    t.equal(readFileSync(join(place, 'usr/bin/script'), 'utf8'), '#!/bin/sh\n', 'no program');
    t.match(spawnSync(join(place, 'usr/bin/cat'), ['/nonexistent']), { status: 1 });
  },
);
