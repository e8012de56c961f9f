import t from 'tap';
import {
  EFA_IO_RDMA_READ,
  EFA_IO_RDMA_WRITE,
  EFA_IO_SEND,
} from '../../../providers/rdma/efa/io-defs.ts';
import {
  EFA_ADMIN_ATTACH_EVENT_COUNTER,
  EFA_ADMIN_CREATE_EVENT_COUNTER,
  EFA_ADMIN_DESTROY_EVENT_COUNTER,
  EFA_ADMIN_DESTROY_QP,
  EFA_ADMIN_DETACH_EVENT_COUNTER,
  EFA_ADMIN_MODIFY_EVENT_COUNTER,
  efa_admin_attach_detach_event_counter_cmd,
  efa_admin_create_event_counter_cmd,
  efa_admin_destroy_event_counter_cmd,
  efa_admin_destroy_qp_cmd,
  efa_admin_modify_event_counter_cmd,
} from './headers/efa-admin-cmds-defs.ts';
import {
  EFA_ADMIN_ILLEGAL_PARAMETER,
  EFA_ADMIN_RESOURCE_BUSY,
  EFA_ADMIN_SUCCESS,
} from './headers/efa-admin-defs.ts';
import { LIMITS, MAX_COUNT } from './limits.ts';
import { DATA, Pair, rdma, type Side, SRD, sgl, TARGET } from './test-pair.ts';

const COUNTS = 0x30000;
const SEND = 1;
const SEND_ERROR = 2;
const RECEIVE = 4;
const RECEIVE_ERROR = 8;
const READ = 0x10;
const WRITE = 0x40;
const REMOTE_READ = 0x100;
const REMOTE_WRITE = 0x200;

/** Event counters of a pair; the n-th has the n-th word of a page. */
class Counters {
  readonly pair = new Pair(SRD);

  constructor() {
    for (const side of [this.pair.from, this.pair.to]) this.pair.bringDown(side);
  }

  create(address = COUNTS, uar = 0) {
    const payload = efa_admin_create_event_counter_cmd.make({ uar, paddr: BigInt(address) });
    const { status, answer } = this.pair.machine.command(EFA_ADMIN_CREATE_EVENT_COUNTER, payload);
    return { status, handle: answer.readUInt32LE(8), read: () => this.read(address) };
  }

  read(address: number): bigint | undefined {
    return this.pair.machine.memory.read(address, 8)?.readBigUInt64LE();
  }

  destroy(cntr_handle: number): number {
    const payload = efa_admin_destroy_event_counter_cmd.make({ cntr_handle });
    return this.pair.machine.command(EFA_ADMIN_DESTROY_EVENT_COUNTER, payload).status;
  }

  modify(cntr_handle: number, operation: number, value: bigint): number {
    const payload = efa_admin_modify_event_counter_cmd.make({ cntr_handle, operation, value });
    return this.pair.machine.command(EFA_ADMIN_MODIFY_EVENT_COUNTER, payload).status;
  }

  attach(cntr_handle: number, { handle }: Side, events: number, attach_type = 0): number {
    return this.#attachment(
      EFA_ADMIN_ATTACH_EVENT_COUNTER,
      cntr_handle,
      handle,
      events,
      attach_type,
    );
  }

  detach(cntr_handle: number, { handle }: Side, events: number): number {
    return this.#attachment(EFA_ADMIN_DETACH_EVENT_COUNTER, cntr_handle, handle, events, 0);
  }

  #attachment(
    opcode: number,
    cntr_handle: number,
    qp_handle: number,
    events: number,
    type: number,
  ) {
    const payload = efa_admin_attach_detach_event_counter_cmd.make({
      cntr_handle,
      attach_type: type,
      u: { qp_events: { qp_handle, events } },
    });
    return this.pair.machine.command(opcode, payload).status;
  }

  bringUp(): void {
    for (const side of [this.pair.from, this.pair.to]) this.pair.bringUp(side);
  }

  destroyQp({ handle }: Side): number {
    const payload = efa_admin_destroy_qp_cmd.make({ qp_handle: handle });
    return this.pair.machine.command(EFA_ADMIN_DESTROY_QP, payload).status;
  }
}

t.test('each event is counted where it happens', async (t) => {
  const counters = new Counters();
  const { pair } = counters;
  const near = [SEND, SEND_ERROR, READ, WRITE].map((events, i) => {
    const counter = counters.create(COUNTS + 8 * i);
    t.equal(counters.attach(counter.handle, pair.from, events), EFA_ADMIN_SUCCESS);
    return counter;
  });
  const far = [RECEIVE, RECEIVE_ERROR, REMOTE_READ, REMOTE_WRITE].map((events, i) => {
    const counter = counters.create(COUNTS + 0x100 + 8 * i);
    t.equal(counters.attach(counter.handle, pair.to, events), EFA_ADMIN_SUCCESS);
    return counter;
  });
  const counts = () => [near, far].map((list) => list.map(({ read }) => Number(read())));
  counters.bringUp();
  pair.receive(pair.to, [[TARGET, 8]]);
  pair.send(EFA_IO_SEND, { data: sgl(pair.source, DATA, 4) });
  t.same(
    counts(),
    [
      [1, 0, 0, 0],
      [1, 0, 0, 0],
    ],
    'a message',
  );
  pair.send(EFA_IO_RDMA_READ, { data: rdma(pair, 4), meta: { ctrl2: 0x0c } });
  t.same(
    counts(),
    [
      [1, 0, 1, 0],
      [1, 0, 1, 0],
    ],
    'a read, of which no completion is asked for',
  );
  pair.send(EFA_IO_RDMA_WRITE, { data: rdma(pair, 4) });
  t.same(
    counts(),
    [
      [1, 0, 1, 1],
      [1, 0, 1, 1],
    ],
    'a write',
  );
  pair.receive(pair.to, [[TARGET, 2]]);
  pair.send(EFA_IO_SEND, { data: sgl(pair.source, DATA, 4) });
  t.same(
    counts(),
    [
      [1, 1, 1, 1],
      [1, 1, 1, 1],
    ],
    'a message that is too long',
  );
  pair.receive(pair.to, [[TARGET, 2]]);
  t.equal(counters.destroyQp(pair.to), EFA_ADMIN_SUCCESS);
  t.same(
    counts(),
    [
      [1, 1, 1, 1],
      [1, 2, 1, 1],
    ],
    'a receive that is flushed',
  );
});

t.test('counts are set, raised and go around', async (t) => {
  const counters = new Counters();
  const { handle, read } = counters.create();
  counters.pair.machine.memory.write(COUNTS, Buffer.alloc(8, 0x55));
  t.equal(counters.modify(handle, 1, 5n), EFA_ADMIN_SUCCESS);
  t.equal(read(), 5n, 'what lay in the memory is no count');
  t.equal(counters.modify(handle, 0, MAX_COUNT), EFA_ADMIN_SUCCESS);
  t.equal(read(), MAX_COUNT);
  t.equal(counters.modify(handle, 1, 3n), EFA_ADMIN_SUCCESS);
  t.equal(read(), 2n);
  t.equal(counters.modify(handle, 0, MAX_COUNT + 1n), EFA_ADMIN_ILLEGAL_PARAMETER);
  t.equal(counters.modify(handle, 2, 0n), EFA_ADMIN_ILLEGAL_PARAMETER);
  t.equal(counters.modify(77, 0, 0n), EFA_ADMIN_ILLEGAL_PARAMETER);
});

t.test('what cannot be counted is refused', async (t) => {
  const counters = new Counters();
  const { from, to } = counters.pair;
  const { handle } = counters.create();
  t.equal(counters.create(COUNTS + 4).status, EFA_ADMIN_ILLEGAL_PARAMETER, 'not aligned');
  t.equal(counters.create(COUNTS, 9).status, EFA_ADMIN_ILLEGAL_PARAMETER, 'no such UAR');
  t.equal(counters.attach(handle, from, 0x400), EFA_ADMIN_ILLEGAL_PARAMETER, 'no such event');
  t.equal(counters.attach(handle, from, SEND, 1), EFA_ADMIN_ILLEGAL_PARAMETER, 'no such type');
  t.equal(counters.attach(handle, from, 0), EFA_ADMIN_SUCCESS, 'nothing');
  t.equal(counters.attach(handle, from, SEND | READ), EFA_ADMIN_SUCCESS);
  t.equal(counters.attach(handle, from, READ), EFA_ADMIN_ILLEGAL_PARAMETER, 'twice');
  t.equal(counters.attach(handle, to, READ), EFA_ADMIN_SUCCESS, 'of another QP');
  counters.bringUp();
  t.equal(counters.attach(handle, from, WRITE), EFA_ADMIN_ILLEGAL_PARAMETER, 'too late');
});

t.test('a counter goes when nothing is attached to it any more', async (t) => {
  const counters = new Counters();
  const { from, to } = counters.pair;
  const { handle } = counters.create();
  counters.attach(handle, from, SEND);
  counters.attach(handle, to, SEND);
  t.equal(counters.destroy(handle), EFA_ADMIN_RESOURCE_BUSY);
  t.equal(counters.detach(handle, from, READ), EFA_ADMIN_ILLEGAL_PARAMETER, 'another event');
  t.equal(counters.detach(handle, from, SEND), EFA_ADMIN_SUCCESS);
  t.equal(counters.destroy(handle), EFA_ADMIN_RESOURCE_BUSY, 'the other is still there');
  t.equal(counters.destroyQp(to), EFA_ADMIN_SUCCESS);
  t.equal(counters.destroy(handle), EFA_ADMIN_SUCCESS);
  t.equal(counters.destroy(handle), EFA_ADMIN_ILLEGAL_PARAMETER);
});

t.test('there are so many counters and no more', async (t) => {
  const counters = new Counters();
  const made = Array.from({ length: LIMITS.maxEventCounters + 1 }, () => counters.create().status);
  t.equal(made.filter((status) => status === EFA_ADMIN_SUCCESS).length, LIMITS.maxEventCounters);
});
