import t from 'tap';
import type { WirePoint } from '../protocol.ts';
import { Scheduler } from './scheduler.ts';

const point = (id: string, ...addresses: readonly string[]): WirePoint => ({
  id,
  case: id,
  devices: Object.fromEntries(addresses.map((address, index) => [`role${index}`, address])),
  parameters: {},
  timeoutMs: 1000,
  inactivityMs: 1000,
  exclusive: false,
});

t.test('points that share a device run one after the other', async (t) => {
  const scheduler = new Scheduler(4);
  for (const each of [
    point('first', 'vfio@pci:0000:00:03.0'),
    point('same place', 'vfio-cdev@pci:0000:00:03.0'),
    point('other place', 'vfio-cdev@pci:0000:00:04.0'),
    point('pair', 'vgem@vgem', 'vfio@pci:0000:00:04.0'),
  ]) {
    scheduler.add(each);
  }
  const first = scheduler.next();
  const second = scheduler.next();
  t.strictSame([first?.id, second?.id], ['first', 'other place']);
  t.equal(scheduler.next(), undefined, 'a place on a bus is one device, whoever has it');
  if (first !== undefined) scheduler.finish(first);
  t.equal(scheduler.next()?.id, 'same place');
  if (second !== undefined) scheduler.finish(second);
  t.equal(scheduler.next()?.id, 'pair');
});

t.test('devices of the same name without a bus are two', async (t) => {
  const scheduler = new Scheduler(2);
  scheduler.add(point('first', 'vgem@vgem'));
  scheduler.add(point('second', 'vkms@vgem'));
  t.ok(scheduler.next());
  t.ok(scheduler.next());
});

t.test('who wants to be alone waits for all that came before, and is not overtaken', async (t) => {
  const scheduler = new Scheduler(4);
  const first = point('first', 'vgem@vgem');
  const before = point('before', 'vkms@vkms');
  const alone = { ...point('alone', 'qxl@qxl'), exclusive: true };
  const after = point('after', 'dma-heap@system');
  for (const each of [first, before, alone, after]) scheduler.add(each);
  t.strictSame([scheduler.next()?.id, scheduler.next()?.id], ['first', 'before']);
  t.equal(scheduler.next(), undefined);
  scheduler.finish(first);
  t.equal(scheduler.next(), undefined);
  scheduler.finish(before);
  t.equal(scheduler.next()?.id, 'alone');
  t.equal(scheduler.next(), undefined);
  scheduler.finish(alone);
  t.equal(scheduler.next()?.id, 'after');
});

t.test('what has not started is taken out in its order', async (t) => {
  const scheduler = new Scheduler(1);
  const names = ['first', 'second', 'third', 'fourth', 'fifth'];
  const devices = ['vgem@vgem', 'vkms@vkms', 'vgem@vgem', 'qxl@qxl', 'vkms@vkms'];
  for (const [index, name] of names.entries()) {
    scheduler.add({ ...point(name, devices[index] ?? ''), exclusive: name === 'fourth' });
  }
  t.equal(scheduler.next()?.id, 'first');
  t.strictSame(
    scheduler.cancel().map(({ id }) => id),
    ['second', 'third', 'fourth', 'fifth'],
  );
  t.equal(scheduler.next(), undefined);
});
