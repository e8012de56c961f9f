import t from 'tap';
import { UsageError } from '../../harness/errors.ts';
import { isNewer, type Qemu, wantsNewerQemu } from './qemu.ts';

const qemu = (version: string): Qemu => ({
  program: '/bin/false',
  args: [],
  env: {},
  version,
  isFetched: false,
});

t.test('a QEMU is new enough by its major version', async (t) => {
  for (const version of ['11.0.0', '11.1.3', '12.0.1']) t.ok(isNewer(qemu(version)), version);
  for (const version of ['7.2.22', '10.0.13', '']) t.notOk(isNewer(qemu(version)), version);
});

t.test('the newest kernel has a newer QEMU, unless the user decides', async (t) => {
  const before = process.env['UAPI_CONFORM_QEMU'];
  t.teardown(() => {
    if (before === undefined) delete process.env['UAPI_CONFORM_QEMU'];
    else process.env['UAPI_CONFORM_QEMU'] = before;
  });
  delete process.env['UAPI_CONFORM_QEMU'];
  t.equal(wantsNewerQemu('newest'), true);
  t.equal(wantsNewerQemu('debian-6.12'), false);
  t.equal(wantsNewerQemu(), false);
  process.env['UAPI_CONFORM_QEMU'] = 'newer';
  t.equal(wantsNewerQemu('debian-6.12'), true);
  process.env['UAPI_CONFORM_QEMU'] = 'machine';
  t.equal(wantsNewerQemu('newest'), false);
  process.env['UAPI_CONFORM_QEMU'] = '11';
  t.throws(() => wantsNewerQemu('newest'), UsageError);
});
