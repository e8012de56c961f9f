import { must, mustFind } from '../refusal.ts';
import type { Call, Handler } from './command.ts';
import * as h from './headers/ifc.ts';
import { LIMITS, LOG_USER_MEMORY, LOG_USERS, MEMIC_BYTES, MEMIC_START } from './limits.ts';
import { firstOnDemand, onDemand } from './on-demand.ts';

export type Link = 'infiniband' | 'ethernet';

/** Behind the head of the command and of the answer. */
const CAPABILITY = 16;
/** union hca_cap_union */
const CAPABILITY_BYTES = 0x8000 / 8;
/** The lowest bit of the modifier: what is set, or what could be. */
const CURRENT = 1;

const PORT_TYPE = {
  infiniband: h.MLX5_CAP_PORT_TYPE_IB,
  ethernet: h.MLX5_CAP_PORT_TYPE_ETH,
} as const;

/** Sizes are logarithms, as most are here. */
function general(link: Link): Buffer {
  const ofEthernet = link === 'ethernet' ? 1 : 0;
  return h.cmd_hca_cap.make({
    log_max_qp: 17,
    log_max_qp_sz: 12,
    log_max_srq: 14,
    log_max_srq_sz: 12,
    log_max_cq: 16,
    log_max_cq_sz: 16,
    log_max_eq: 6,
    log_max_eq_sz: 12,
    log_max_mkey: 20,
    log_max_mrw_sz: 31,
    log_max_klm_list_size: 16,
    log_max_pd: 16,
    log_max_xrcd: 12,
    log_max_transport_domain: 16,
    log_max_mcg: 12,
    max_qp_mcg: 240,
    log_max_msg: 30,
    log_max_ra_req_qp: 4,
    log_max_ra_res_qp: 4,
    log_max_rmp: 14,
    log_max_rq: 14,
    log_max_sq: 14,
    log_max_rqt: 12,
    log_max_rqt_size: 8,
    log_max_tir: 12,
    log_max_tis: 12,
    log_max_wq_sz: 15,
    log_max_stride_sz_rq: 10,
    log_min_stride_sz_rq: 4,
    log_max_stride_sz_sq: 10,
    log_min_stride_sz_sq: 4,
    basic_cyclic_rcv_wqe: 1,
    max_wqe_sz_sq: 1024,
    max_wqe_sz_rq: 512,
    max_indirection: 4,
    max_tc: 1,
    local_ca_ack_delay: 16,
    port_type: PORT_TYPE[link],
    num_ports: 1,
    num_vhca_ports: 0,
    // Of 128 keys, of 32 addresses: the driver's encodings, include/linux/mlx5/port.h.
    pkey_table_size: 0,
    gid_table_size: 2,
    cqe_version: 1,
    compact_address_vector: 1,
    cq_resize: 1,
    cq_moderation: 1,
    cq_oi: 1,
    rc: 1,
    uc: 1,
    ud: 1,
    xrc: 1,
    imaicl: 1,
    apm: 1,
    pkv: 1,
    qkv: 1,
    block_lb_mc: 1,
    set_deth_sqpn: 1,
    atomic: 1,
    end_pad: 1,
    sctr_data_cqe: 0,
    max_qp_cnt: 255,
    out_of_seq_cnt: 1,
    device_memory: 1,
    umr_extended_translation_offset: 1,
    pg: 1,
    // For keys of all that a process has.
    fixed_buffer_size: 1,
    null_mkey: 1,
    uar_4k: 1,
    uar_sz: 4,
    num_of_uars_per_page: 1,
    log_pg_sz: 12,
    log_bf_reg_size: 9,
    driver_version: 1,
    device_frequency_khz: LIMITS.clockKhz,
    ib_virt: link === 'infiniband' ? 1 : 0,
    roce: ofEthernet,
    nic_flow_table: ofEthernet,
    eth_net_offloads: ofEthernet,
    // The driver turns off what comes back, until two of its users could want it, or one asks for it.
    disable_local_lb_uc: ofEthernet,
    disable_local_lb_mc: ofEthernet,
    max_flow_counter_15_0: 0x7fff,
    flow_counter_bulk_alloc: 0,
    log_max_uctx: LOG_USERS,
    log_max_umem: LOG_USER_MEMORY,
  });
}

function atomics(): Buffer {
  // Both kinds, of 8 bytes. Source: drivers/infiniband/hw/mlx5/main.c, get_atomic_caps()
  return h.atomic_caps.make({
    atomic_operations: 3,
    atomic_size_qp: 8,
    atomic_size_dc: 8,
    // Numbers in memory are as the CPU has them, if the driver asks for it, as it does.
    supported_atomic_req_8B_endianness_mode_1: 1,
  });
}

/** The driver fills in nothing but this. Source: core/main.c, handle_hca_cap_atomic() */
function chosenAtomics(wanted: Buffer): Buffer {
  const field = 'atomic_req_8B_endianness_mode';
  const chosen = atomics();
  h.atomic_caps.set(chosen, field, h.atomic_caps.get(wanted, field));
  return chosen;
}

function roce(): Buffer {
  return h.roce_cap.make({
    roce_version: 5,
    l3_type: 6,
    r_roce_dest_udp_port: 4791,
    r_roce_max_src_udp_port: 0xffff,
    r_roce_min_src_udp_port: 0xc000,
    roce_address_table_size: 255,
  });
}

/** Source: include/linux/mlx5/vport.h, MLX5_CAP_INLINE_MODE_NOT_REQUIRED */
const INLINE_NOT_REQUIRED = 2;

/**
 * Of raw packets: no bytes of a frame need to be in its request. There are no offloads, so that no net
 * device is made. Source: core/dev.c, mlx5_eth_supported()
 */
function ethernet(): Buffer {
  return h.per_protocol_networking_offload_caps.make({
    wqe_inline_mode: INLINE_NOT_REQUIRED,
    self_lb_en_modifiable: 1,
  });
}

/** What rules may look at: as much as frames are looked at for (frame-fields.ts). */
const FIELDS = [
  'dmac',
  'smac',
  'ether_type',
  'first_prio',
  'first_cfi',
  'first_vid',
  'ip_version',
  'ip_protocol',
  'ip_dscp',
  'ip_ecn',
  'ipv4_ttl',
  'frag',
  'sip',
  'dip',
  'tcp_sport',
  'tcp_dport',
  'tcp_flags',
  'udp_sport',
  'udp_dport',
] as const;

/** Enough tables and rules for the namespaces that verbs use. */
function tableProperties(): Buffer {
  const properties = h.flow_table_prop_layout.make({
    ft_support: 1,
    flow_counter: 1,
    flow_modify_en: 1,
    modify_root: 1,
    identified_miss_table_mode: 1,
    flow_table_modify: 1,
    log_max_ft_size: 16,
    max_ft_level: 255,
    log_max_ft_num: 14,
    log_max_flow_counter: 15,
    log_max_destination: 8,
    log_max_flow: 16,
  });
  for (const field of FIELDS) {
    h.flow_table_prop_layout.set(properties, `ft_field_support.outer_${field}`, 1);
    h.flow_table_prop_layout.set(properties, `ft_field_bitmask_support.outer_${field}`, 1);
  }
  return properties;
}

/** Rules on what is received, and for sniffers, which see what is sent too. */
function flowTables(): Buffer {
  const buf = h.flow_table_nic_cap.make({ allow_sniffer_and_nic_rx_shared_tir: 1 });
  for (const what of ['receive', 'receive_sniffer', 'transmit_sniffer'] as const)
    tableProperties().copy(buf, h.flow_table_nic_cap.byteOf(`flow_table_properties_nic_${what}`));
  return buf;
}

function deviceMemory(): Buffer {
  const buf = h.device_mem_cap.make({
    memic: 1,
    log_min_memic_alloc_size: 8,
    log_max_memic_addr_alignment: 6,
    memic_bar_size: MEMIC_BYTES,
    max_memic_size: MEMIC_BYTES,
  });
  h.device_mem_cap.setBig(buf, 'memic_bar_start_addr', BigInt(MEMIC_START));
  return buf;
}

/** What the device can do, and what of it the driver has chosen. */
export class Capabilities {
  readonly #possible: ReadonlyMap<number, Buffer>;
  readonly #chosen: Map<number, Buffer>;

  constructor(link: Link) {
    this.#possible = new Map([
      [h.MLX5_CAP_GENERAL, general(link)],
      [h.MLX5_CAP_ATOMIC, atomics()],
      [h.MLX5_CAP_ODP, onDemand()],
      [h.MLX5_CAP_ETHERNET_OFFLOADS, ethernet()],
      [h.MLX5_CAP_ROCE, roce()],
      [h.MLX5_CAP_FLOW_TABLE, flowTables()],
      [h.MLX5_CAP_DEV_MEM, deviceMemory()],
    ]);
    this.#chosen = new Map([...this.#possible, [h.MLX5_CAP_ODP, firstOnDemand()]]);
  }

  /** Of paging. */
  get onDemand(): Buffer {
    return mustFind(this.#chosen.get(h.MLX5_CAP_ODP), 'capabilities of paging');
  }

  get handlers(): readonly (readonly [number, Handler])[] {
    return [
      [h.MLX5_CMD_OP_QUERY_HCA_CAP, (call) => this.#query(call)],
      [h.MLX5_CMD_OP_SET_HCA_CAP, (call) => this.#set(call)],
    ];
  }

  #query({ opMod }: Call): Buffer {
    const type = opMod >> 1;
    const known = ((opMod & 1) === CURRENT ? this.#chosen : this.#possible).get(type);
    const answer = Buffer.alloc(CAPABILITY + CAPABILITY_BYTES);
    known?.copy(answer, CAPABILITY);
    return answer;
  }

  #set({ opMod, input }: Call): undefined {
    const type = opMod >> 1;
    must(this.#possible.has(type), `there are no capabilities of type ${type}`);
    const wanted = Buffer.from(input.subarray(CAPABILITY));
    this.#chosen.set(type, type === h.MLX5_CAP_ATOMIC ? chosenAtomics(wanted) : wanted);
  }
}
