import { join } from 'node:path';
import t from 'tap';
import { drmDevices } from './sysfs-drm.ts';

t.test('a device has a card, a render node, or the node of an accelerator', async (t) => {
  const of = (name: string) => ({ device: t.fixture('symlink', `../../../devices/${name}`) });
  const gpu = () => of('0000:00:04.0');
  const npu = () => of('0000:00:0b.0');
  const root = t.testdir({
    devices: { '0000:00:04.0': {}, '0000:00:0b.0': {} },
    class: {
      drm: {
        card1: { ...gpu(), uevent: 'MAJOR=226\nDEVNAME=dri/card1\n' },
        'card1-HDMI-A-1': gpu(),
        renderD128: gpu(),
        version: 'drm 1.1.0 20060810',
      },
      accel: { accel0: { ...npu(), uevent: 'DEVNAME=accel/accel0\n' }, accel_controlD0: npu() },
    },
  });
  const path = (name: string) => join(root, 'devices', name);
  t.strictSame(drmDevices(join(root, 'class')), [
    {
      name: '0000:00:04.0',
      path: path('0000:00:04.0'),
      primary: '/dev/dri/card1',
      render: '/dev/dri/renderD128',
    },
    { name: '0000:00:0b.0', path: path('0000:00:0b.0'), accel: '/dev/accel/accel0' },
  ]);
  t.strictSame(drmDevices(join(root, 'nothing')), []);
});
