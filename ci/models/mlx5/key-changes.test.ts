import t from 'tap';
import * as h from './headers/ifc.ts';
import { Kernel, pages, READ, tables, WRITE } from './test-kernel.ts';
import { Pair } from './test-pair.ts';
import { DATA, TARGET } from './test-setup.ts';

const KSM = h.MLX5_MKC_ACCESS_MODE_KSM;
const REFUSED = `send ${h.MLX5_CQE_SYNDROME_MW_BIND_ERR}`;
const REMOTE_ACCESS = `send ${h.MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR}`;
const BOTH = READ | WRITE;

function start() {
  const pair = new Pair();
  pair.machine.memory.write(DATA, Buffer.from('data'));
  return { pair, kernel: new Kernel(pair) };
}

const write = (pair: Pair, key: number, address: number) =>
  pair.remote(h.MLX5_OPCODE_RDMA_WRITE, [key, address], [[pair.source, DATA, 4]]);
const at = (pair: Pair, address: number) => pair.machine.memory.read(address, 4)?.toString();

t.test('a key from the pool is given memory, loses it and has it again', async (t) => {
  const { pair, kernel } = start();
  const key = kernel.key(1);
  kernel.enable(key, 0x7010, 0x1000, pages([TARGET, BOTH], [TARGET + 0x1000, BOTH]));
  write(pair, key, 0x800c);
  t.same(pair.outcomes(), ['sent 8']);
  t.equal(at(pair, TARGET + 0x100c), 'data');
  kernel.revoke(key);
  write(pair, key, 0x7010);
  t.same(pair.outcomes(), [REMOTE_ACCESS]);
  kernel.enable(key, 0, 0x1000, pages([DATA, BOTH]));
  t.same(pair.outcomes(), []);
});

t.test('what is in use is not enabled, and what is free not updated', async (t) => {
  const used = start();
  const key = used.kernel.key(1);
  used.kernel.enable(key, 0, 0x1000, pages([TARGET, BOTH]));
  used.kernel.enable(key, 0, 0x1000, pages([TARGET, BOTH]));
  t.same(used.pair.outcomes(), [REFUSED]);
  const free = start();
  free.kernel.update(free.kernel.key(1), pages([TARGET, BOTH]));
  t.same(free.pair.outcomes(), [REFUSED]);
});

t.test('a table is long, and nothing is written behind its end', async (t) => {
  const { pair, kernel } = start();
  const [count, octowords] = [2 ** 18, 2 ** 17];
  const key = kernel.key(octowords);
  kernel.enable(key, 0, 0, pages([DATA, 0]));
  kernel.update(key, pages([TARGET, BOTH]), (count - 8) * 8);
  write(pair, key, (count - 8) * 0x1000);
  t.same(pair.outcomes(), ['sent 8']);
  t.equal(at(pair, TARGET), 'data');
  write(pair, key, count * 0x1000);
  t.same(pair.outcomes(), [REMOTE_ACCESS], 'there is no entry');
  kernel.update(key, pages([TARGET, BOTH]), count * 8);
  t.same(pair.outcomes(), [REFUSED]);
});

t.test('a table of keys has parts of one size', async (t) => {
  const { pair, kernel } = start();
  const key = kernel.key(4, KSM);
  kernel.enable(key, 0, 0, tables([pair.source, DATA], [pair.target, TARGET + 4]), 13);
  write(pair, key, 0x2ffc);
  t.same(pair.outcomes(), ['sent 8']);
  t.equal(at(pair, TARGET + 0x1000), 'data');
});

t.test('a process gives no pages to a key', async (t) => {
  const { pair, kernel } = start();
  const key = kernel.key(1);
  kernel.enable(key, 0, 0x1000, pages([TARGET, BOTH]));
  const body = Buffer.alloc(48 + h.mkc.sizeBytes + 64);
  body.writeUInt8(128, 0);
  body.writeUInt16BE(4, 4);
  pages([DATA, BOTH]).copy(body, 112);
  pair.post(pair.from, h.MLX5_OPCODE_UMR, body, { extra: key });
  t.same(pair.outcomes(), [REFUSED]);
});
