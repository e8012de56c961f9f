import t from 'tap';
import * as h from './headers/ifc.ts';
import { NULL_MKEY } from './limits.ts';
import { Pair } from './test-pair.ts';
import { DATA, PD, RIGHTS, TARGET } from './test-setup.ts';

/** Of a mask: see key-changes.ts. */
const MASK = { length: 0n, start: 6n, variant: 13n, qpn: 14n, rw: 20n, free: 29n };
const INLINE = 128;
const OF_FREE = 32;

const bits = (...all: readonly bigint[]) => all.reduce((sum, bit) => sum | (1n << bit), 0n);

interface Change {
  readonly flags: number;
  readonly mask: bigint;
  readonly context: Buffer;
  readonly klm?: readonly [key: number, address: number, length: number];
}

function change(pair: Pair, key: number, { flags, mask, context, klm }: Change): void {
  const body = Buffer.alloc(48 + 64 + 64);
  body.writeUInt8(flags, 0);
  body.writeUInt16BE(klm === undefined ? 0 : 4, 4);
  body.writeBigUInt64BE(mask, 8);
  context.copy(body, 48);
  if (klm !== undefined) {
    body.writeUInt32BE(klm[2], 112);
    body.writeUInt32BE(klm[0] >>> 0, 116);
    body.writeBigUInt64BE(BigInt(klm[1]), 120);
  }
  pair.post(pair.from, h.MLX5_OPCODE_UMR, body, { extra: key });
}

function bind(pair: Pair, key: number, variant: number, region = pair.target): number {
  const context = h.mkc.make({ rw: 1, qpn: 0xffffff, mkey_7_0: variant });
  h.mkc.setBig(context, 'start_addr', 0x7000n);
  h.mkc.setBig(context, 'len', 0x100n);
  change(pair, key, {
    flags: INLINE | OF_FREE,
    mask: bits(MASK.length, MASK.start, MASK.variant, MASK.qpn, MASK.rw, MASK.free),
    context,
    klm: [region, TARGET + 0xff0, 0x100],
  });
  return ((key >>> 8) << 8) | variant;
}

function free(pair: Pair, key: number): void {
  const context = h.mkc.make({ free: 1 });
  change(pair, key, { flags: INLINE, mask: bits(MASK.free), context });
}

const write = (pair: Pair, key: number, address: number) =>
  pair.remote(h.MLX5_OPCODE_RDMA_WRITE, [key, address], [[pair.source, DATA, 4]]);

t.test('a window is bound to memory of another key, and freed', async (t) => {
  const pair = new Pair();
  pair.machine.memory.write(DATA, Buffer.from('data'));
  const key = bind(pair, pair.freeKey(), 0x33);
  write(pair, key, 0x700e);
  t.same(pair.outcomes(), ['sent 37', 'sent 8']);
  t.equal(pair.machine.memory.read(TARGET + 0xffe, 4)?.toString(), 'data');
  free(pair, key);
  write(pair, key, 0x7000);
  t.same(pair.outcomes(), ['sent 37', `send ${h.MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR}`]);
});

t.test('a window that is bound is not bound again', async (t) => {
  const pair = new Pair();
  const key = bind(pair, pair.freeKey(), 1);
  bind(pair, key, 2);
  t.same(pair.outcomes(), ['sent 37', `send ${h.MLX5_CQE_SYNDROME_MW_BIND_ERR}`]);
});

t.test('a window gives no more than its owner has', async (t) => {
  const refused = `send ${h.MLX5_CQE_SYNDROME_MW_BIND_ERR}`;
  for (const region of [
    (pair: Pair) => pair.region(TARGET, ['lr']),
    (pair: Pair) => pair.region(TARGET, RIGHTS, PD + 1),
    (pair: Pair) => pair.region(TARGET + 0x1000, RIGHTS),
    () => 0x4242,
  ]) {
    const pair = new Pair();
    bind(pair, pair.freeKey(), 1, region(pair));
    t.same(pair.outcomes(), [refused]);
  }
});

t.test('memory of the device is reached from 0 on, and not behind its end', async (t) => {
  const pair = new Pair();
  pair.machine.memory.write(DATA, Buffer.from('data'));
  const key = pair.deviceKey(0x1000, 0x100);
  write(pair, key, 0xfc);
  pair.remote(h.MLX5_OPCODE_RDMA_READ, [key, 0xfc], [[pair.source, DATA + 8, 4]]);
  t.same(pair.outcomes(), ['sent 8', 'sent 16']);
  t.equal(pair.machine.memory.read(DATA + 8, 4)?.toString(), 'data');
  write(pair, key, 0xfd);
  t.same(pair.outcomes(), [`send ${h.MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR}`]);
});

t.test('a message takes a key away', async (t) => {
  const pair = new Pair();
  const key = bind(pair, pair.freeKey(), 0x33);
  const invalidate = (one: number) => {
    pair.receive(pair.to, [pair.target, TARGET, 4]);
    pair.send([[pair.source, DATA, 4]], { opcode: h.MLX5_OPCODE_SEND_INVAL, extra: one });
  };
  invalidate(key);
  t.match(pair.poll(), [{}, { kind: h.MLX5_CQE_RESP_SEND_INV, extra: key }, { opcode: 1 }]);
  invalidate(pair.target);
  t.same(
    pair.outcomes(),
    [
      `receive ${h.MLX5_CQE_SYNDROME_WR_FLUSH_ERR}`,
      `send ${h.MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR}`,
    ],
    'only such as requests have filled',
  );
});

t.test('keys that are destroyed are none, and one swallows all', async (t) => {
  const pair = new Pair();
  const input = Buffer.alloc(16);
  const key = pair.region(TARGET, RIGHTS);
  input.writeUInt32BE(key >>> 8, 8);
  pair.remote(h.MLX5_OPCODE_RDMA_READ, [pair.target, TARGET], [[NULL_MKEY, 0, 64]]);
  write(pair, key, TARGET);
  t.same(pair.outcomes(), ['sent 16', 'sent 8']);
  t.equal(pair.machine.command(h.MLX5_CMD_OP_DESTROY_MKEY, input).ok, true);
  write(pair, key, TARGET);
  t.same(pair.outcomes(), [`send ${h.MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR}`]);
});
