import t from 'tap';
import {
  EFA_IO_COMP_STATUS_LOCAL_ERROR_BAD_LENGTH,
  EFA_IO_COMP_STATUS_OK,
  EFA_IO_SEND,
} from '../../../providers/rdma/efa/io-defs.ts';

import { DATA, Pair, sgl, TARGET, UD } from './test-pair.ts';

t.test('a datagram comes behind 40 bytes, which its length counts', async (t) => {
  const pair = new Pair(UD);
  const { memory } = pair.machine;
  memory.write(DATA, Buffer.from('datagram'));
  memory.write(TARGET, Buffer.alloc(0x2000, 0xa5));
  pair.receive(pair.to, [
    [TARGET, 44],
    [TARGET + 0x1000, 100],
  ]);
  pair.send(EFA_IO_SEND, {
    flags: 0x10,
    meta: { immediate_data: 0xabcd },
    data: sgl(pair.source, DATA, 8),
  });
  t.match(pair.poll()[0], {
    length: 48,
    ah: pair.ah,
    src_qp_num: pair.from.number,
    imm: 0xabcd,
    common: { req_id: 0x77, status: 0, qp_num: pair.to.number },
  });
  t.equal(memory.read(TARGET + 40, 6)?.toString('latin1'), 'data\xa5\xa5', 'first piece');
  t.equal(memory.read(TARGET + 0x1000, 5)?.toString('latin1'), 'gram\xa5', 'second piece');
});

t.test('the longest datagram fits a packet, its room not counted', async (t) => {
  const pair = new Pair(UD);
  pair.machine.memory.write(DATA, Buffer.alloc(8929, 7));
  for (const [length, expected] of [
    [8928, [0, 0]],
    [8929, [EFA_IO_COMP_STATUS_LOCAL_ERROR_BAD_LENGTH]],
  ] as const) {
    pair.receive(pair.to, [[TARGET, 8968]]);
    pair.send(EFA_IO_SEND, { data: sgl(pair.source, DATA, length) });
    t.same(pair.statuses(), expected, `${length} bytes`);
  }
  const last = pair.machine.memory.read(TARGET + 8967, 2);
  t.same(last, Buffer.from([7, 0]), 'and nothing behind it is written');
});

t.test('a datagram that is not meant for the receiver is gone', async (t) => {
  for (const meta of [{ qkey: 1 }, { dest_qp_num: 77 }]) {
    const pair = new Pair(UD);
    pair.receive(pair.to, [[TARGET, 200]]);
    pair.send(EFA_IO_SEND, { meta, data: sgl(pair.source, DATA, 4) });
    t.same(
      pair.statuses(),
      [EFA_IO_COMP_STATUS_OK],
      'the sender alone hears of it, and that all is well',
    );
    pair.send(EFA_IO_SEND, { data: sgl(pair.source, DATA, 4) });
    t.same(pair.statuses(), [0, 0], 'the receive waits for the next');
  }
});
