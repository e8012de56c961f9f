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
