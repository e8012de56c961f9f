import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../../../uapi/project-root.ts';
import { part, place, widePart, widePlace } from '../bits.ts';
import { ownerOf } from './event-queue.ts';
import {
  CMDQ_OPCODE_ALLOC_DB,
  CMDQ_OPCODE_CONF_DEVICE,
  CMDQ_OPCODE_CONF_MTU,
  CMDQ_OPCODE_CREATE_AH,
  CMDQ_OPCODE_DEREG_MR,
  CMDQ_OPCODE_DESTROY_AH,
  CMDQ_OPCODE_DESTROY_CQ,
  CMDQ_OPCODE_DESTROY_EQ,
  CMDQ_OPCODE_DESTROY_QP,
  CMDQ_OPCODE_FREE_DB,
  CMDQ_OPCODE_GET_STATS,
  CMDQ_OPCODE_QUERY_DEVICE,
  CMDQ_OPCODE_QUERY_FW_INFO,
  CMDQ_OPCODE_QUERY_QP,
  CMDQ_OPCODE_REFLUSH,
  CMDQ_OPCODE_SET_GID,
  CMDQ_SUBMOD_COMMON,
  ERDMA_CMD_DEV_CAP_MAX_CQE_MASK,
  ERDMA_CMD_DEV_CAP_QBLOCK_MASK,
  ERDMA_CMDQ_SQDB_REG,
  ERDMA_HW_RESP_MAGIC,
  ERDMA_REGS_CEQ_DB_BASE_REG,
  ERDMA_REGS_DEV_CTRL_REG,
  ERDMA_REGS_DEV_PROTO_REG,
  ERDMA_REGS_DEV_ST_REG,
  ERDMA_REGS_NETDEV_MAC_H_REG,
  ERDMA_REGS_NETDEV_MAC_L_REG,
  ERDMA_REGS_VERSION_REG,
  erdma_cmdq_config_device_req,
  erdma_cmdq_config_mtu_req,
  erdma_cmdq_create_ah_req,
  erdma_cmdq_dereg_mr_req,
  erdma_cmdq_destroy_ah_req,
  erdma_cmdq_destroy_cq_req,
  erdma_cmdq_destroy_eq_req,
  erdma_cmdq_destroy_qp_req,
  erdma_cmdq_ext_db_req,
  erdma_cmdq_query_qp_req_rocev2,
  erdma_cmdq_query_req,
  erdma_cmdq_reflush_req,
  erdma_cmdq_set_gid_req,
} from './headers/erdma-hw.ts';
import { EXPONENTS, FUNCTION_BAR_BYTES, MAC } from './limits.ts';
import { Machine } from './test-machine.ts';
import { AH, Pair, PD, TARGET } from './test-pair.ts';

t.test('parts of words are taken out and put in', async (t) => {
  t.equal(part(0x8000_0001, 0x8000_0000), 1);
  t.equal(part(0xabcd_ef01, 0xfff0_0000), 0xabc);
  t.equal(place(0xabc, 0xfff0_0000), 0xabc0_0000);
  t.equal(place(0x1fff, 0xfff0_0000), 0xfff0_0000, 'what does not fit is cut off');
  t.equal(widePart(0xab00_0000_0000_0000n, 0xff00_0000_0000_0000n), 0xab);
  t.equal(widePlace(0x1ab, 0xff00_0000_0000_0000n), 0xab00_0000_0000_0000n);
  t.same(
    [0, 3, 4, 7, 8].map((index) => ownerOf(index, 4)),
    [1, 1, 0, 0, 1],
  );
});

t.test("the lab's guest has the card that the adapter is one with", async (t) => {
  const lab = JSON.parse(readFileSync(join(projectRoot(), 'providers/rdma/lab.json'), 'utf8'));
  t.ok(
    lab.devices.some((device: string) => device.includes(`mac=${MAC}`)),
    'lab.json',
  );
  const links = readFileSync(join(projectRoot(), 'providers/rdma/lab-links.sh'), 'utf8');
  t.match(links, `ERDMA_MAC=${MAC}`);
});

t.test('registers say what the driver wants to know', async (t) => {
  const machine = new Machine();
  t.not(machine.read(ERDMA_REGS_VERSION_REG), 0);
  t.equal(machine.read(ERDMA_REGS_DEV_PROTO_REG), 1, 'RoCE');
  t.equal(machine.read(ERDMA_REGS_NETDEV_MAC_H_REG), 0x0200);
  t.equal(machine.read(ERDMA_REGS_NETDEV_MAC_L_REG), 0x21);
  t.equal(machine.read(ERDMA_REGS_DEV_ST_REG), 2, 'started');
  machine.write(ERDMA_REGS_DEV_CTRL_REG, 1);
  t.equal(machine.read(ERDMA_REGS_DEV_ST_REG), 1, 'reset');
  machine.write(ERDMA_REGS_DEV_CTRL_REG, 2);
  t.equal(machine.read(ERDMA_REGS_DEV_ST_REG), 1, 'without queues it does not start');
  machine.start();
  t.equal(machine.command(CMDQ_OPCODE_QUERY_DEVICE).ok, true, 'with them it does, once more');
  machine.device.reset();
  t.equal(machine.read(ERDMA_REGS_DEV_ST_REG), 0);
  t.equal(machine.command(CMDQ_OPCODE_QUERY_DEVICE).isThere, false, 'nobody is there to answer');
});

t.test('commands are answered in turn, round and round', async (t) => {
  const machine = new Machine();
  for (let i = 0; i < 40; i++) {
    const { ok, index, first, second } = machine.command(CMDQ_OPCODE_QUERY_DEVICE);
    t.equal(ok, true);
    t.equal(index, i * 4, 'by the first block');
    t.equal(widePart(first, ERDMA_CMD_DEV_CAP_MAX_CQE_MASK), EXPONENTS.maxCqe);
    t.equal(widePart(second, ERDMA_CMD_DEV_CAP_QBLOCK_MASK), 128);
  }
  t.same(machine.interrupts, [], 'nobody asked for interrupts');
  const common = machine.command(CMDQ_OPCODE_QUERY_FW_INFO, Buffer.alloc(8), CMDQ_SUBMOD_COMMON);
  t.not(common.first, 0n);
  t.equal(machine.command(63).ok, false);
  t.equal(machine.command(CMDQ_OPCODE_QUERY_DEVICE, Buffer.alloc(8), 3).ok, false);
});

t.test('an armed queue gives one event, and its interrupt', async (t) => {
  const machine = new Machine();
  machine.armCommands();
  machine.command(CMDQ_OPCODE_QUERY_DEVICE);
  machine.command(CMDQ_OPCODE_QUERY_DEVICE);
  t.same(machine.interrupts, [0]);
  machine.armCommands();
  machine.command(CMDQ_OPCODE_QUERY_DEVICE);
  t.same(machine.interrupts, [0], 'the event queue itself was not read');
  machine.ring(ERDMA_REGS_CEQ_DB_BASE_REG, 0x8000_0001n);
  t.same(machine.interrupts, [0, 0], 'one that has news interrupts at once');
  machine.ring(ERDMA_REGS_CEQ_DB_BASE_REG, 0x8000_0002n);
  t.same(machine.interrupts, [0, 0], 'one that has none waits');
});

t.test('a doorbell may come in two halves', async (t) => {
  const machine = new Machine();
  machine.write(ERDMA_REGS_CEQ_DB_BASE_REG + 4, 0);
  machine.armCommands();
  machine.command(CMDQ_OPCODE_QUERY_DEVICE);
  machine.armCommands();
  machine.command(CMDQ_OPCODE_QUERY_DEVICE);
  machine.write(ERDMA_REGS_CEQ_DB_BASE_REG, 0x8000_0001);
  t.same(machine.interrupts, [0]);
  machine.write(ERDMA_REGS_CEQ_DB_BASE_REG + 4, 0);
  t.same(machine.interrupts, [0, 0]);
});

t.test('a doorbell that says too much ends all answers until a reset', async (t) => {
  const machine = new Machine();
  machine.ring(ERDMA_CMDQ_SQDB_REG, 17n);
  t.equal(machine.command(CMDQ_OPCODE_QUERY_DEVICE).isThere, false);
  machine.write(ERDMA_REGS_DEV_CTRL_REG, 1);
  machine.start();
  t.equal(machine.command(CMDQ_OPCODE_QUERY_DEVICE).ok, true);
});

t.test('what others need cannot be destroyed, and nothing is made twice', async (t) => {
  const pair = new Pair();
  const { machine } = pair;
  const destroyCq = (cqn: number) =>
    machine.command(CMDQ_OPCODE_DESTROY_CQ, erdma_cmdq_destroy_cq_req.make({ cqn })).ok;
  const destroyQp = (qpn: number) =>
    machine.command(CMDQ_OPCODE_DESTROY_QP, erdma_cmdq_destroy_qp_req.make({ qpn })).ok;
  const destroyEq = () => {
    const entry = erdma_cmdq_destroy_eq_req.make({ eqn: 1, qtype: 1, vector_idx: 1 });
    return machine.command(CMDQ_OPCODE_DESTROY_EQ, entry, CMDQ_SUBMOD_COMMON).ok;
  };
  t.equal(pair.createCq(1), false, 'a CQ that is there');
  t.equal(pair.createCq(2, { cfg1: 9 }), false, 'an EQ that is not there');
  t.equal(machine.createEq(1), false);
  t.equal(machine.createEq(32), false);
  t.equal(pair.region(1, TARGET, 31), 0);
  t.same([destroyEq(), destroyCq(1)], [false, false]);
  t.same([destroyQp(1), destroyQp(1), destroyQp(2)], [true, false, true]);
  t.same([destroyCq(1), destroyCq(1), destroyEq(), destroyEq()], [true, false, true, false]);
});

t.test('a region goes by its number and its key', async (t) => {
  const { machine, source } = new Pair();
  const deregister = (key: number) => {
    const cfg = (key >>> 8) | ((key & 0xff) << 20);
    return machine.command(CMDQ_OPCODE_DEREG_MR, erdma_cmdq_dereg_mr_req.make({ cfg })).ok;
  };
  t.equal(deregister(source + 1), false);
  t.same([deregister(source), deregister(source)], [true, false]);
});

t.test('address handles and GIDs are numbered by the driver', async (t) => {
  const { machine } = new Pair();
  const make = (init: object) =>
    machine.command(CMDQ_OPCODE_CREATE_AH, erdma_cmdq_create_ah_req.make(init)).ok;
  const destroy = (init: object) =>
    machine.command(CMDQ_OPCODE_DESTROY_AH, erdma_cmdq_destroy_ah_req.make(init)).ok;
  t.equal(make({ pdn: PD, ahn: AH }), false);
  t.equal(make({ pdn: PD, ahn: AH + 1, av_cfg: { sgid_index: 999 } }), false);
  t.equal(destroy({ pdn: PD + 1, ahn: AH }), false);
  t.equal(destroy({ pdn: PD, ahn: AH }), true);
  const setGid = (cfg: number) =>
    machine.command(CMDQ_OPCODE_SET_GID, erdma_cmdq_set_gid_req.make({ cfg })).ok;
  t.same([setGid(0x8000_0000), setGid(0x8000_0000), setGid(1000)], [true, false, false]);
});

t.test('queue pairs go from state to state', async (t) => {
  const pair = new Pair();
  const state = () => {
    const entry = erdma_cmdq_query_qp_req_rocev2.make({ qpn: 1 });
    return pair.machine.command(CMDQ_OPCODE_QUERY_QP, entry).first;
  };
  t.equal(state(), (3n << 48n) | (7n << 24n) | 7n, 'its state and both sequence numbers');
  t.equal(pair.modify(pair.from, 2), false, 'back to RTR');
  t.equal(pair.modify(pair.from, 9), false, 'a state that is not there');
  const reflush = () =>
    pair.machine.command(CMDQ_OPCODE_REFLUSH, erdma_cmdq_reflush_req.make({ qpn: 1 })).ok;
  t.equal(reflush(), false, 'nothing is flushed');
  t.equal(pair.modify(pair.from, 6), true);
  t.equal(reflush(), true);
  t.equal(pair.modify(pair.from, 0), true);
  t.equal(state(), 0n);
  t.equal(pair.modify(pair.from, 6), true, 'from reset to the error state');
});

t.test('pages of doorbells are given to processes', async (t) => {
  const { machine } = new Pair();
  const ask = (opcode: number, init: object) =>
    machine.command(opcode, erdma_cmdq_ext_db_req.make(init), CMDQ_SUBMOD_COMMON);
  const { ok, first } = ask(CMDQ_OPCODE_ALLOC_DB, { cfg: 7 });
  const offsets = {
    sdb_off: Number(first & 0xffffn),
    cdb_off: Number((first >> 32n) & 0xffffn),
    rdb_off: Number(first >> 48n),
  };
  t.equal(ok, true);
  t.equal(new Set(Object.values(offsets)).size, 3);
  t.ok(Math.max(...Object.values(offsets)) * 4096 < FUNCTION_BAR_BYTES);
  t.not(ask(CMDQ_OPCODE_ALLOC_DB, { cfg: 7 }).first, first);
  t.equal(ask(CMDQ_OPCODE_ALLOC_DB, { cfg: 1 }).ok, false);
  t.equal(ask(CMDQ_OPCODE_FREE_DB, { cfg: 7, ...offsets, rdb_off: 1 }).ok, false);
  t.equal(ask(CMDQ_OPCODE_FREE_DB, { cfg: 7, ...offsets }).ok, true);
  t.equal(ask(CMDQ_OPCODE_FREE_DB, { cfg: 7, ...offsets }).ok, false);
});

t.test('what the device is told of itself is checked', async (t) => {
  const { machine } = new Pair();
  const common = (opcode: number, entry: Buffer) =>
    machine.command(opcode, entry, CMDQ_SUBMOD_COMMON).ok;
  const mtu = (value: number) =>
    common(CMDQ_OPCODE_CONF_MTU, erdma_cmdq_config_mtu_req.make({ mtu: value }));
  t.same([mtu(9000), mtu(0)], [true, false]);
  const pages = (cfg: number) =>
    common(CMDQ_OPCODE_CONF_DEVICE, erdma_cmdq_config_device_req.make({ cfg }));
  t.same([pages(0x8000_000c), pages(0x8000_0010)], [true, false]);
});

t.test('statistics go to memory', async (t) => {
  const { machine } = new Pair();
  const ask = (init: object) => {
    const entry = erdma_cmdq_query_req.make(init);
    return machine.command(CMDQ_OPCODE_GET_STATS, entry, CMDQ_SUBMOD_COMMON).ok;
  };
  t.equal(ask({ target_addr: BigInt(TARGET), target_length: 256 }), true);
  t.equal(machine.memory.read(TARGET, 2)?.readUInt16LE(0), ERDMA_HW_RESP_MAGIC);
  t.equal(ask({ target_addr: BigInt(TARGET), target_length: 16 }), false);
  t.equal(ask({ target_addr: 0x1000_0000n, target_length: 256 }), false);
});
