import t from 'tap';
import { frameHead } from './frame.ts';

const hex = (...args: Parameters<typeof frameHead>): string => frameHead(...args).toString('hex');

t.test('the head of a frame says what its layers are', async (t) => {
  const ethernet = { layer: 'ethernet', is: {} } as const;
  t.equal(hex([ethernet], 64), '03000000000102000000000a88b5');
  t.equal(
    hex([{ layer: 'ethernet', is: { vlan: 5, source: '02:00:00:00:00:0b' } }], 64),
    '03000000000102000000000b8100000588b5',
  );
  t.equal(
    hex([ethernet, { layer: 'ipv4', is: { tos: 4 } }, { layer: 'udp', is: {} }], 114),
    '03000000000102000000000a0800450400640000400040112683' + '0a0000010a00000203e807d000500000',
  );
  t.match(
    hex([ethernet, { layer: 'ipv6', is: { flowLabel: 0x12345, nextHeader: 6 } }], 114),
    /^03000000000102000000000a86dd60012345003c0640fd00/,
  );
  t.equal(
    hex([{ layer: 'tcp', is: { destinationPort: 2001 } }], 20),
    '03e807d1000000010000000050100400' + '00000000',
  );
});

t.test('an address that is none is told', async (t) => {
  const layers = [{ layer: 'ethernet', is: { source: '02:00' } }] as const;
  t.throws(() => frameHead(layers, 64), /'02:00' is no MAC address/);
});
