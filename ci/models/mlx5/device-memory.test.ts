import t from 'tap';
import * as h from './headers/ifc.ts';
import { MEMIC_BYTES, MEMIC_START } from './limits.ts';
import { BAR_ADDRESS } from './test-machine.ts';
import { Pair } from './test-pair.ts';
import { DATA, RIGHTS } from './test-setup.ts';

const PAGE = 4096;

interface Wanted {
  readonly at?: number;
  readonly range?: number;
  readonly logAlignment?: number;
}

/** Where the memory is, as an offset of all of it; undefined where it is refused. */
function allocate(pair: Pair, length: number, wanted: Wanted = {}): number | undefined {
  const { at = 0, range = PAGE, logAlignment = 0 } = wanted;
  const input = h.alloc_memic_in.make({
    log_memic_addr_alignment: logAlignment,
    range_size: range,
    memic_size: length,
  });
  h.alloc_memic_in.setBig(input, 'range_start_addr', BigInt(MEMIC_START + at));
  const answer = pair.machine.command(h.MLX5_CMD_OP_ALLOC_MEMIC, input);
  if (!answer.ok) return undefined;
  return Number(h.alloc_memic_out.big(answer.output, 'memic_start_addr')) - MEMIC_START;
}

function free(pair: Pair, at: number): boolean {
  const input = Buffer.alloc(h.dealloc_memic_in.sizeBytes);
  h.dealloc_memic_in.setBig(input, 'memic_start_addr', BigInt(MEMIC_START + at));
  return pair.machine.command(h.MLX5_CMD_OP_DEALLOC_MEMIC, input).ok;
}

t.test('memory is in the range that the driver names, and begins where it may', async (t) => {
  const pair = new Pair();
  t.equal(allocate(pair, PAGE), 0, 'the whole of it');
  t.equal(allocate(pair, 64), undefined, 'which is taken then');
  t.equal(allocate(pair, 64, { at: PAGE }), 2 * PAGE - 64, 'at its end');
  t.equal(allocate(pair, 64, { at: 2 * PAGE, logAlignment: 4 }), 3 * PAGE - 1024);
  t.equal(
    allocate(pair, PAGE + 64, { at: 3 * PAGE, logAlignment: 6 }),
    undefined,
    'no room for it',
  );
  t.equal(allocate(pair, 64, { at: MEMIC_BYTES }), undefined, 'behind all memory');
  t.equal(free(pair, 0), true);
  t.equal(free(pair, 0), false, 'once');
  t.equal(allocate(pair, 64), PAGE - 64);
});

t.test('what is given back is cleared', async (t) => {
  const pair = new Pair();
  const { device } = pair.machine;
  const at = allocate(pair, 64) ?? 0;
  device.writeBar(0, MEMIC_START + at, Buffer.alloc(8, 0x5a));
  t.strictSame(device.readBar(0, MEMIC_START + at, 8), Buffer.alloc(8, 0x5a));
  free(pair, at);
  t.strictSame(device.readBar(0, MEMIC_START + at, 8), Buffer.alloc(8));
});

t.test("a DMA address in the device's own BAR is its memory", async (t) => {
  const pair = new Pair();
  const { device, memory } = pair.machine;
  const place = BAR_ADDRESS + MEMIC_START;
  const own = pair.region(place, RIGHTS);
  memory.write(DATA, Buffer.from('bytes'));
  pair.remote(h.MLX5_OPCODE_RDMA_WRITE, [own, place + PAGE - 2], [[pair.source, DATA, 5]]);
  t.match(pair.poll(), [{ kind: h.MLX5_CQE_REQ }]);
  t.equal(device.readBar(0, MEMIC_START + PAGE - 2, 5).toString(), 'bytes', 'across pages');
  pair.remote(h.MLX5_OPCODE_RDMA_READ, [own, place + PAGE], [[pair.source, DATA + 8, 3]]);
  pair.poll();
  t.equal(memory.read(DATA + 8, 3)?.toString(), 'tes');
});

t.test('all else of its BAR is not', async (t) => {
  const pair = new Pair();
  const place = BAR_ADDRESS + MEMIC_START + MEMIC_BYTES - PAGE;
  const last = pair.region(place, RIGHTS);
  pair.remote(h.MLX5_OPCODE_RDMA_WRITE, [last, place + PAGE - 4], [[pair.source, DATA, 4]]);
  t.match(pair.poll(), [{ kind: h.MLX5_CQE_REQ }]);
  pair.remote(h.MLX5_OPCODE_RDMA_WRITE, [last, place + PAGE], [[pair.source, DATA, 4]]);
  t.match(pair.poll(), [{ kind: h.MLX5_CQE_REQ_ERR }]);
});
