import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { aptErrors, findProgram, SYSTEM_PACKAGES } from './system-packages.ts';

t.test('a program is found in PATH before the system directories', async (t) => {
  const dir = t.testdir({ busybox: '#!/bin/sh\n', plain: '' });
  chmodSync(join(dir, 'busybox'), 0o755);
  const path = process.env['PATH'];
  t.teardown(() => {
    process.env['PATH'] = path;
  });
  process.env['PATH'] = dir;
  t.equal(findProgram('busybox'), join(dir, 'busybox'));
  t.equal(findProgram('plain'), undefined);
  t.match(findProgram('sh'), /\/bin\/sh$/);
});

t.test('every package has a proof and stands once in its purpose', async (t) => {
  for (const [purpose, packages] of Object.entries(SYSTEM_PACKAGES)) {
    const names = packages.map((item) => item.name);
    t.equal(new Set(names).size, names.length, purpose);
    t.ok(packages.every((item) => item.proof !== ''));
  }
});

t.test('only the first error of apt is passed on', async (t) => {
  const stderr = 'W: a warning\nE: Unable to locate package x\nE: Broken\n';
  t.equal(aptErrors(stderr), 'Unable to locate package x');
  t.equal(aptErrors('something else\n'), 'something else');
});
