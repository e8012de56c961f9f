import t from 'tap';
import { Pool } from '../pool.ts';
import { isIntact, parseCommand, phaseOf, sealCompletion } from './admin-queue.ts';
import { crc16, entryChecksum } from './crc16.ts';
import {
  EFA_ADMIN_ALLOC_PD,
  EFA_ADMIN_ALLOC_UAR,
  EFA_ADMIN_CREATE_CQ,
  EFA_ADMIN_CREATE_QP,
  EFA_ADMIN_DEALLOC_PD,
  EFA_ADMIN_DEREG_MR,
  EFA_ADMIN_DESTROY_CQ,
  EFA_ADMIN_DESTROY_QP,
  EFA_ADMIN_MODIFY_QP,
  EFA_ADMIN_QP_TYPE_SRD,
  EFA_ADMIN_REG_MR,
  EFA_ADMIN_SET_FEATURE,
  efa_admin_create_cq_cmd,
  efa_admin_create_qp_cmd,
  efa_admin_create_qp_resp,
  efa_admin_destroy_qp_cmd,
  efa_admin_modify_qp_cmd,
  efa_admin_reg_mr_cmd,
  efa_admin_set_feature_cmd,
} from './headers/efa-admin-cmds-defs.ts';
import {
  EFA_ADMIN_BAD_OPCODE,
  EFA_ADMIN_ILLEGAL_PARAMETER,
  EFA_ADMIN_RESOURCE_BUSY,
  EFA_ADMIN_SUCCESS,
  EFA_ADMIN_UNSUPPORTED_OPCODE,
  efa_admin_acq_common_desc,
  efa_admin_aq_common_desc,
  efa_admin_aq_common_desc_v2,
} from './headers/efa-admin-defs.ts';
import {
  EFA_REGS_AENQ_BASE_LO_OFF,
  EFA_REGS_AENQ_CAPS_OFF,
  EFA_REGS_DEV_STS_FATAL_ERROR_MASK,
  EFA_REGS_DEV_STS_OFF,
  EFA_REGS_MMIO_RESP_LO_OFF,
} from './headers/efa-regs-defs.ts';
import { ANSWER, DEPTH, Machine } from './test-machine.ts';

t.test('the checksum is that of the kernel', async (t) => {
  t.equal(crc16(0, Buffer.from('123456789')), 0xbb3d, 'the check value of CRC-16/ARC');
  t.equal(crc16(0xffff, Buffer.from('123456789')), 0x4b37, 'and of CRC-16/MODBUS');
});

t.test('the phase turns with each round', async (t) => {
  t.same(
    [0, 3, 4, 7, 8].map((index) => phaseOf(index, 4)),
    [1, 1, 0, 0, 1],
  );
});

t.test('commands of both versions are read', async (t) => {
  const first = Buffer.alloc(64);
  efa_admin_aq_common_desc.set(first, 'command_id', 0xf123);
  efa_admin_aq_common_desc.set(first, 'opcode', 14);
  first.write('payload', 4);
  t.match(parseCommand(first), { id: 0x123, opcode: 14 }, 'an id has 12 bits');
  t.equal(parseCommand(first).payload.subarray(0, 7).toString(), 'payload');
  t.equal(isIntact(first), true, 'without a checksum');
  const second = Buffer.alloc(128);
  second.write('payload', 12);
  efa_admin_aq_common_desc_v2.set(second, 'checksum', entryChecksum(second));
  t.equal(parseCommand(second).payload.subarray(0, 7).toString(), 'payload');
  t.equal(isIntact(second), true);
  second[100] = 1;
  t.equal(isIntact(second), false);
});

t.test('completions carry the checksum of the rest', async (t) => {
  const entry = sealCompletion(Buffer.alloc(64, 0x11), 5, 2, 1);
  const checksum = efa_admin_acq_common_desc.get(entry, 'checksum');
  efa_admin_acq_common_desc.set(entry, 'checksum', 0);
  t.equal(checksum, entryChecksum(entry));
});

t.test('numbers are given out in turn', async (t) => {
  const pool = new Pool<string>(3);
  t.same([pool.add(() => 'a'), pool.add(() => 'b')], [0, 1]);
  pool.remove(0);
  t.same([pool.add(() => 'c'), pool.add(() => 'd'), pool.add(() => 'e')], [2, 0, undefined]);
  t.equal(pool.count, 3);
  t.same([...pool.values()], ['d', 'b', 'c']);
});

t.test('admin commands are answered in turn, with an interrupt', async (t) => {
  const machine = new Machine();
  for (let i = 0; i < 2 * DEPTH + 1; i++) {
    const { status, answer } = machine.command(EFA_ADMIN_ALLOC_PD, Buffer.alloc(0));
    t.equal(status, EFA_ADMIN_SUCCESS);
    t.equal(answer.readUInt16LE(8), i, 'PDs are numbered');
    t.equal(efa_admin_acq_common_desc.get(answer, 'flags'), phaseOf(i, DEPTH));
  }
  t.equal(machine.interrupts.length, 2 * DEPTH + 1);
  t.equal(machine.command(24, Buffer.alloc(0)).status, EFA_ADMIN_UNSUPPORTED_OPCODE);
  t.equal(machine.command(200, Buffer.alloc(0)).status, EFA_ADMIN_BAD_OPCODE);
});

t.test('a doorbell without a command is a fatal error', async (t) => {
  const machine = new Machine();
  t.equal(machine.read(EFA_REGS_DEV_STS_OFF) & EFA_REGS_DEV_STS_FATAL_ERROR_MASK, 0);
  machine.command(EFA_ADMIN_ALLOC_PD, Buffer.alloc(0), 0);
  t.not(machine.read(EFA_REGS_DEV_STS_OFF) & EFA_REGS_DEV_STS_FATAL_ERROR_MASK, 0);
  machine.device.reset();
  machine.write(EFA_REGS_MMIO_RESP_LO_OFF, ANSWER);
  t.equal(machine.read(EFA_REGS_DEV_STS_OFF), 1, 'until it is reset');
});

function u16(value: number): Buffer {
  return Buffer.from([value & 0xff, value >> 8]);
}

t.test('what others need cannot be destroyed', async (t) => {
  const machine = new Machine();
  machine.command(EFA_ADMIN_ALLOC_PD, Buffer.alloc(0));
  machine.command(EFA_ADMIN_ALLOC_UAR, Buffer.alloc(0));
  const cq = { cq_caps_2: 4, sub_cq_depth: 8, num_sub_cqs: 1 };
  const create = (init: object) =>
    machine.command(EFA_ADMIN_CREATE_CQ, efa_admin_create_cq_cmd.make({ ...cq, ...init })).status;
  t.equal(create({}), EFA_ADMIN_SUCCESS);
  t.equal(create({ sub_cq_depth: 9 }), EFA_ADMIN_ILLEGAL_PARAMETER, 'not a power of two');
  t.equal(create({ cq_caps_2: 5 }), EFA_ADMIN_ILLEGAL_PARAMETER, 'entries of 20 bytes');
  t.equal(create({ uar: 3 }), EFA_ADMIN_ILLEGAL_PARAMETER, 'a UAR that is not there');
  const sizes = { send_queue_ring_size: 1024, send_queue_depth: 16 };
  const qp = efa_admin_create_qp_cmd.make({ qp_type: EFA_ADMIN_QP_TYPE_SRD, qp_alloc_size: sizes });
  const { status, answer } = machine.command(EFA_ADMIN_CREATE_QP, qp);
  t.equal(status, EFA_ADMIN_SUCCESS);
  t.equal(machine.command(EFA_ADMIN_DEALLOC_PD, u16(0)).status, EFA_ADMIN_RESOURCE_BUSY);
  t.equal(machine.command(EFA_ADMIN_DESTROY_CQ, u16(0)).status, EFA_ADMIN_RESOURCE_BUSY);
  const handle = { qp_handle: efa_admin_create_qp_resp.get(answer, 'qp_handle') };
  const modify = (init: object) => {
    const payload = efa_admin_modify_qp_cmd.make({ ...handle, ...init });
    return machine.command(EFA_ADMIN_MODIFY_QP, payload).status;
  };
  t.equal(modify({ modify_mask: 1, qp_state: 3 }), EFA_ADMIN_ILLEGAL_PARAMETER, 'reset to RTS');
  t.equal(modify({ modify_mask: 1, qp_state: 1 }), EFA_ADMIN_SUCCESS, 'reset to INIT');
  const destroy = efa_admin_destroy_qp_cmd.make(handle);
  t.equal(machine.command(EFA_ADMIN_DESTROY_QP, destroy).status, EFA_ADMIN_SUCCESS);
  t.equal(machine.command(EFA_ADMIN_DESTROY_QP, destroy).status, EFA_ADMIN_ILLEGAL_PARAMETER);
  t.equal(machine.command(EFA_ADMIN_DESTROY_CQ, u16(0)).status, EFA_ADMIN_SUCCESS);
  t.equal(machine.command(EFA_ADMIN_DEALLOC_PD, u16(0)).status, EFA_ADMIN_SUCCESS);
});

t.test('a region is made of aligned pages and has a key of its own', async (t) => {
  const machine = new Machine();
  machine.command(EFA_ADMIN_ALLOC_PD, Buffer.alloc(0));
  const region = { mr_length: 0x1001n, flags: 12, iova: 0x7000n };
  const register = (init: object, pages: readonly bigint[] = [0x8000n, 0x9000n]) => {
    const pbl = { inline_pbl_array: pages };
    const payload = efa_admin_reg_mr_cmd.make({ ...region, pbl, ...init });
    return machine.command(EFA_ADMIN_REG_MR, payload);
  };
  const { status, answer } = register({});
  t.equal(status, EFA_ADMIN_SUCCESS);
  const key = answer.readUInt32LE(8);
  t.ok(key > 0 && key < 2 ** 24, 'keys have 24 bits');
  t.not(register({}).answer.readUInt32LE(8), key);
  t.same([...answer.subarray(16, 20)], [0, 0, 0, 0], 'there is no way that the device may take');
  const writable = register({ permissions: 1 }).answer;
  t.same([...writable.subarray(16, 20)], [3, 1, 2, 0], 'receives and reads');
  const remote = register({ permissions: 2 }).answer;
  t.same([...remote.subarray(16, 20)], [4, 0, 0, 3], 'what others write');
  t.equal(register({}, [0x8000n, 0x9001n]).status, EFA_ADMIN_ILLEGAL_PARAMETER);
  t.equal(register({ mr_length: 0n }).status, EFA_ADMIN_ILLEGAL_PARAMETER);
  t.equal(register({ mr_length: 0x4001n }).status, EFA_ADMIN_ILLEGAL_PARAMETER, 'five pages');
  t.equal(register({ flags: 11 }).status, EFA_ADMIN_ILLEGAL_PARAMETER, 'pages of 2 KiB');
  t.equal(machine.command(EFA_ADMIN_DEALLOC_PD, u16(0)).status, EFA_ADMIN_RESOURCE_BUSY);
  t.equal(machine.command(EFA_ADMIN_DEREG_MR, answer.subarray(8, 12)).status, EFA_ADMIN_SUCCESS);
  const again = machine.command(EFA_ADMIN_DEREG_MR, answer.subarray(8, 12));
  t.equal(again.status, EFA_ADMIN_ILLEGAL_PARAMETER);
});

t.test('the device says that it is alive, to a driver that wants to know', async (t) => {
  const machine = new Machine();
  const queue = 0x6000;
  machine.write(EFA_REGS_AENQ_BASE_LO_OFF, queue);
  machine.write(EFA_REGS_AENQ_CAPS_OFF, 2 | (64 << 16) | (1 << 24));
  t.equal(machine.device.wakeAtMs, undefined);
  const enable = efa_admin_set_feature_cmd.make({
    feature_common: { feature_id: 2 },
    u: { aenq: { enabled_groups: 1 << 4 } },
  });
  t.equal(machine.command(EFA_ADMIN_SET_FEATURE, enable).status, EFA_ADMIN_SUCCESS);
  const now = performance.now();
  t.ok((machine.device.wakeAtMs ?? 0) > now);
  t.intercept(performance, 'now', { value: () => now + 100_000, writable: true });
  machine.device.wake();
  const entry = machine.memory.read(queue, 8) ?? Buffer.alloc(8);
  t.same([entry.readUInt16LE(0), entry[4]], [4, 1], 'the group and the phase');
  t.same(machine.interrupts.slice(-1), [1], 'its vector');
});
