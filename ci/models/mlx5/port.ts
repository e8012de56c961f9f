import type { Link } from './capabilities.ts';
import type { Call, Entries } from './command.ts';
import * as h from './headers/ifc.ts';
import {
  FULL_MEMBER_PKEY,
  LID,
  MTU_BYTES,
  OWN_MAC,
  PORT_GUID,
  SUBNET_PREFIX,
  SYSTEM_GUID,
} from './limits.ts';

/** The one port: what its virtual port says, addresses, keys, and registers. */

const CONTEXT = 16;
const ACTIVE = 4;
const LINK_UP = 5;

/** Of PTYS: 4X EDR. Source: drivers/infiniband/hw/mlx5/main.c, translate_active_width() */
const WIDTH_4X = 4;
const SPEED_EDR = 32;
/** 100GBASE-CR4 */
const ETHERNET_100G = 1 << 20;
/** Lanes 0 to 3, as the driver codes them: MLX5_VL_HW_0_3. */
const VIRTUAL_LANES = 4;

export class Port {
  readonly #link: Link;
  #isRoce = false;
  /** Frames that come back to where they were sent from: until the driver says otherwise, all do. */
  readonly #blocked = { unicast: false, multicast: false };

  constructor(link: Link) {
    this.#link = link;
  }

  get handlers(): Entries {
    return [
      [h.MLX5_CMD_OP_QUERY_NIC_VPORT_CONTEXT, () => this.#nicContext()],
      [h.MLX5_CMD_OP_MODIFY_NIC_VPORT_CONTEXT, (call) => this.#modifyNic(call)],
      [h.MLX5_CMD_OP_QUERY_HCA_VPORT_CONTEXT, () => hcaContext()],
      [h.MLX5_CMD_OP_MODIFY_HCA_VPORT_CONTEXT, () => undefined],
      [h.MLX5_CMD_OP_QUERY_HCA_VPORT_GID, gid],
      [h.MLX5_CMD_OP_QUERY_HCA_VPORT_PKEY, pkey],
      [h.MLX5_CMD_OP_QUERY_VPORT_STATE, () => h.query_vport_state_out.make({ state: 1 })],
      [h.MLX5_CMD_OP_QUERY_VPORT_COUNTER, ({ outputBytes }) => Buffer.alloc(outputBytes)],
      [h.MLX5_CMD_OP_SET_ROCE_ADDRESS, () => undefined],
      [h.MLX5_CMD_OP_ACCESS_REG, (call) => this.#register(call)],
    ];
  }

  /** Whether a frame that is sent, and is for this port or for a group, is received here too. */
  loopsBack(isGroup: boolean): boolean {
    return !(isGroup ? this.#blocked.multicast : this.#blocked.unicast);
  }

  #nicContext(): Buffer {
    const output = Buffer.alloc(h.query_nic_vport_context_out.sizeBytes);
    const context = h.query_nic_vport_context_out.bytes(output, 'nic_vport_context');
    h.nic_vport_context.set(context, 'roce_en', this.#isRoce ? 1 : 0);
    h.nic_vport_context.set(context, 'mtu', 1500);
    h.nic_vport_context.set(context, 'disable_uc_local_lb', this.#blocked.unicast ? 1 : 0);
    h.nic_vport_context.set(context, 'disable_mc_local_lb', this.#blocked.multicast ? 1 : 0);
    OWN_MAC.copy(context, h.nic_vport_context.byteOf('permanent_address.mac_addr_47_32'));
    h.nic_vport_context.setBig(context, 'system_image_guid', SYSTEM_GUID);
    h.nic_vport_context.setBig(context, 'port_guid', PORT_GUID);
    h.nic_vport_context.setBig(context, 'node_guid', SYSTEM_GUID);
    return output;
  }

  #modifyNic({ input }: Call): undefined {
    const context = h.modify_nic_vport_context_in.bytes(input, 'nic_vport_context');
    const has = (field: 'roce_en' | 'disable_uc_local_lb' | 'disable_mc_local_lb') =>
      h.modify_nic_vport_context_in.get(input, `field_select.${field}`) === 1;
    if (has('roce_en')) this.#isRoce = h.nic_vport_context.get(context, 'roce_en') === 1;
    if (has('disable_uc_local_lb'))
      this.#blocked.unicast = h.nic_vport_context.get(context, 'disable_uc_local_lb') === 1;
    if (has('disable_mc_local_lb'))
      this.#blocked.multicast = h.nic_vport_context.get(context, 'disable_mc_local_lb') === 1;
  }

  /** A register answers with what was asked, and with what it has of its own. */
  #register({ input, outputBytes }: Call): Buffer {
    const output = Buffer.alloc(outputBytes);
    input.copy(output, CONTEXT, CONTEXT);
    const register = output.subarray(CONTEXT);
    switch (h.access_register_in.get(input, 'register_id')) {
      case h.MLX5_REG_NODE_DESC:
        register.fill(0);
        register.write('uapi-conform model');
        break;
      case h.MLX5_REG_PTYS:
        this.#linkType(register);
        break;
      case h.MLX5_REG_PMTU:
        for (const field of ['max_mtu', 'admin_mtu', 'oper_mtu'] as const) {
          h.pmtu_reg.set(register, field, MTU_BYTES);
        }
        break;
      case h.MLX5_REG_PVLC:
        h.pvlc_reg.set(register, 'vl_hw_cap', VIRTUAL_LANES);
        h.pvlc_reg.set(register, 'vl_operational', VIRTUAL_LANES);
        break;
      case h.MLX5_REG_PAOS:
        h.paos_reg.set(register, 'admin_status', 1);
        h.paos_reg.set(register, 'oper_status', 1);
        break;
      default:
        break;
    }
    return output;
  }

  #linkType(register: Buffer): void {
    if (this.#link === 'ethernet') {
      h.ptys_reg.set(register, 'eth_proto_capability', ETHERNET_100G);
      h.ptys_reg.set(register, 'eth_proto_oper', ETHERNET_100G);
      return;
    }
    h.ptys_reg.set(register, 'ib_link_width_oper', WIDTH_4X);
    h.ptys_reg.set(register, 'ib_proto_oper', SPEED_EDR);
  }
}

function hcaContext(): Buffer {
  const output = Buffer.alloc(h.query_hca_vport_context_out.sizeBytes);
  const context = h.query_hca_vport_context_out.bytes(output, 'hca_vport_context');
  const fields = { port_physical_state: LINK_UP, port_state: ACTIVE, vport_state: ACTIVE };
  for (const [field, value] of Object.entries(fields)) {
    h.hca_vport_context.set(context, field as keyof typeof fields, value);
  }
  h.hca_vport_context.set(context, 'lid', LID);
  h.hca_vport_context.set(context, 'sm_lid', LID);
  h.hca_vport_context.setBig(context, 'system_image_guid', SYSTEM_GUID);
  h.hca_vport_context.setBig(context, 'port_guid', PORT_GUID);
  h.hca_vport_context.setBig(context, 'node_guid', SYSTEM_GUID);
  return output;
}

/** The first of the table is the port's own; the others are empty. */
function gid({ input, outputBytes }: Call): Buffer {
  const output = Buffer.alloc(outputBytes);
  const index = h.query_hca_vport_gid_in.get(input, 'gid_index');
  h.query_hca_vport_gid_out.set(output, 'gids_num', 1);
  if (index !== 0 && index !== 0xffff) return output;
  output.writeBigUInt64BE(SUBNET_PREFIX, CONTEXT);
  output.writeBigUInt64BE(PORT_GUID, CONTEXT + 8);
  return output;
}

function pkey({ input, outputBytes }: Call): Buffer {
  const output = Buffer.alloc(outputBytes);
  const index = h.query_hca_vport_pkey_in.get(input, 'pkey_index');
  if (index === 0 || index === 0xffff) output.writeUInt32BE(FULL_MEMBER_PKEY, CONTEXT);
  return output;
}
