import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../../../uapi/project-root.ts';
import {
  PF_FW_ARQLEN,
  PFGEN_CTRL,
  PFGEN_CTRL_PFSWR,
  PFGEN_RSTAT,
} from './headers/idpf-lan-pf-regs.ts';
import {
  VIRTCHNL2_CAP_LAN_MEMORY_REGIONS,
  VIRTCHNL2_CAP_PTP,
  VIRTCHNL2_CAP_RDMA,
  VIRTCHNL2_OP_ALLOC_VECTORS,
  VIRTCHNL2_OP_CREATE_VPORT,
  VIRTCHNL2_OP_ENABLE_VPORT,
  VIRTCHNL2_OP_EVENT,
  VIRTCHNL2_OP_GET_CAPS,
  VIRTCHNL2_OP_GET_EDT_CAPS,
  VIRTCHNL2_OP_GET_LAN_MEMORY_REGIONS,
  VIRTCHNL2_OP_VERSION,
  virtchnl2_alloc_vectors,
  virtchnl2_create_vport,
  virtchnl2_event,
  virtchnl2_get_capabilities,
  virtchnl2_get_lan_memory_regions,
  virtchnl2_version_info,
  virtchnl2_vport,
} from './headers/virtchnl2.ts';
import { MAC, VECTORS } from './limits.ts';
import { Machine } from './test-machine.ts';

t.test('a message is answered with its cookie, and by an interrupt', async (t) => {
  const machine = new Machine();
  const [early] = machine.ask(VIRTCHNL2_OP_VERSION, virtchnl2_version_info.make({ major: 2 }), 9);
  t.match(early, { opcode: VIRTCHNL2_OP_VERSION, status: 0, cookie: 9 });
  t.same(machine.interrupts, [], 'no vector is on');
  machine.enableVector(VECTORS.mailbox);
  t.same(machine.interrupts, [VECTORS.mailbox], 'what came before is not lost');
  machine.ask(VIRTCHNL2_OP_VERSION, virtchnl2_version_info.make());
  t.same(machine.interrupts, [VECTORS.mailbox], 'one that fired is off');
});

t.test('a message that nobody knows is refused, and the next is heard', async (t) => {
  const machine = new Machine();
  const refused = machine.answer(VIRTCHNL2_OP_GET_EDT_CAPS, Buffer.alloc(16, 5));
  t.not(refused.status, 0);
  t.same(refused.data, Buffer.alloc(16, 5), 'it comes back');
  t.equal(machine.answer(VIRTCHNL2_OP_VERSION, virtchnl2_version_info.make()).status, 0);
});

t.test('more messages than the queues are long', async (t) => {
  const machine = new Machine();
  for (let i = 0; i < 50; i++) {
    t.equal(machine.answer(VIRTCHNL2_OP_VERSION, virtchnl2_version_info.make()).status, 0);
  }
});

t.test('of what is asked for, RDMA and regions are there', async (t) => {
  const machine = new Machine();
  const asked = BigInt(VIRTCHNL2_CAP_RDMA | VIRTCHNL2_CAP_LAN_MEMORY_REGIONS | VIRTCHNL2_CAP_PTP);
  const message = virtchnl2_get_capabilities.make({ other_caps: asked });
  const { data } = machine.answer(VIRTCHNL2_OP_GET_CAPS, message);
  const offered = virtchnl2_get_capabilities.decode(data);
  t.equal(offered.other_caps, BigInt(VIRTCHNL2_CAP_RDMA | VIRTCHNL2_CAP_LAN_MEMORY_REGIONS));
  t.equal(offered.num_rdma_allocated_vectors, VECTORS.rdma);
  const regions = machine.answer(
    VIRTCHNL2_OP_GET_LAN_MEMORY_REGIONS,
    virtchnl2_get_lan_memory_regions.make(),
  );
  t.equal(virtchnl2_get_lan_memory_regions.get(regions.data, 'num_memory_regions'), 3);
});

t.test('there are no more vectors than there are', async (t) => {
  const machine = new Machine();
  const ask = (num_vectors: number) =>
    machine.answer(VIRTCHNL2_OP_ALLOC_VECTORS, virtchnl2_alloc_vectors.make({ num_vectors }));
  t.equal(ask(VECTORS.all - 1).status, 0, 'the mailbox has one');
  t.not(ask(VECTORS.all).status, 0);
});

t.test('a port has its address, and its link comes up with it', async (t) => {
  const machine = new Machine();
  const message = virtchnl2_create_vport.make();
  const { data } = machine.answer(VIRTCHNL2_OP_CREATE_VPORT, message);
  const address = virtchnl2_create_vport.bytes(data, 'default_mac_addr');
  t.equal(address.toString('hex'), MAC.replaceAll(':', ''));
  const came = machine.ask(VIRTCHNL2_OP_ENABLE_VPORT, virtchnl2_vport.make({ vport_id: 0 }));
  t.same(
    came.map(({ opcode }) => opcode),
    [VIRTCHNL2_OP_EVENT, VIRTCHNL2_OP_ENABLE_VPORT],
    'the link is told first',
  );
  t.equal(virtchnl2_event.get(came[0]?.data ?? Buffer.alloc(0), 'link_status'), 1);
  t.not(machine.answer(VIRTCHNL2_OP_ENABLE_VPORT, virtchnl2_vport.make({ vport_id: 1 })).status, 0);
});

t.test('a reset is seen by the length of the mailbox', async (t) => {
  const machine = new Machine();
  t.not(machine.read(PF_FW_ARQLEN), 0);
  machine.write(PFGEN_CTRL, PFGEN_CTRL_PFSWR);
  t.equal(machine.read(PF_FW_ARQLEN), 0);
  t.not(machine.read(PFGEN_RSTAT), 0, 'it is over at once');
});

t.test('the lab finds the port by the address of the model', async (t) => {
  const script = readFileSync(join(projectRoot(), 'providers/rdma/lab-links.sh'), 'utf8');
  t.match(script, `IRDMA_MAC=${MAC}\n`);
});
