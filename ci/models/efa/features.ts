import { must, mustFind, Refusal } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import type { AdminCommand } from './admin-queue.ts';
import {
  EFA_ADMIN_AENQ_CONFIG,
  EFA_ADMIN_CREATE_EQ_CMD_COMPLETION_EVENTS_MASK,
  EFA_ADMIN_DEVICE_ATTR,
  EFA_ADMIN_EVENT_QUEUE_ATTR,
  EFA_ADMIN_HOST_INFO,
  EFA_ADMIN_HW_HINTS,
  EFA_ADMIN_NETWORK_ATTR,
  EFA_ADMIN_QUEUE_ATTR_1,
  EFA_ADMIN_QUEUE_ATTR_2,
  efa_admin_get_feature_cmd,
  efa_admin_get_feature_resp,
  efa_admin_host_info,
  efa_admin_set_feature_cmd,
  efa_admin_set_feature_resp,
} from './headers/efa-admin-cmds-defs.ts';
import { EFA_ADMIN_AQ_COMMON_DESC_CTRL_DATA_MASK } from './headers/efa-admin-defs.ts';
import {
  AENQ_GROUPS,
  COUNTED_EVENTS,
  DEVICE_CAPS,
  DOORBELL_BAR,
  FEATURES,
  GID,
  LIMITS,
  MAX_COUNT,
  NODE_GUID,
  PAGE_SHIFTS,
} from './limits.ts';

type FeatureResponse = Parameters<typeof efa_admin_get_feature_resp.make>[0];

const pageSizes = (): bigint =>
  2n ** BigInt(PAGE_SHIFTS.most + 1) - 2n ** BigInt(PAGE_SHIFTS.least);

/** Get and set feature: what the device says of itself, and what it is told of its host. */
export class Features {
  readonly #host: Host;
  #enabledGroups = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Groups of asynchronous events that the driver wants, as bits. */
  get enabledGroups(): number {
    return this.#enabledGroups;
  }

  reset(): void {
    this.#enabledGroups = 0;
  }

  get({ payload }: AdminCommand): Buffer {
    const feature = Number(efa_admin_get_feature_cmd.get(payload, 'feature_common.feature_id'));
    return efa_admin_get_feature_resp.make(this.#describe(feature));
  }

  set({ flags, payload }: AdminCommand): Buffer {
    const feature = Number(efa_admin_set_feature_cmd.get(payload, 'feature_common.feature_id'));
    switch (feature) {
      case EFA_ADMIN_AENQ_CONFIG:
        this.#enableGroups(Number(efa_admin_set_feature_cmd.get(payload, 'u.aenq.enabled_groups')));
        break;
      case EFA_ADMIN_HOST_INFO:
        must((flags & EFA_ADMIN_AQ_COMMON_DESC_CTRL_DATA_MASK) !== 0, 'host info without a buffer');
        this.#takeHostInfo(payload);
        break;
      default:
        throw new Refusal('unsupported', `feature ${feature} cannot be set`);
    }
    return efa_admin_set_feature_resp.make();
  }

  #enableGroups(groups: number): void {
    must((groups & ~AENQ_GROUPS) === 0, `event groups 0x${groups.toString(16)}`);
    this.#enabledGroups = groups;
  }

  /** Only for a log; the driver takes no notice of a failure. Source: efa_main.c, efa_set_host_info() */
  #takeHostInfo(payload: Buffer): void {
    const { length, address } = efa_admin_set_feature_cmd.decode(payload).control_buffer;
    must(length >= efa_admin_host_info.size, `${length} bytes of host info`);
    const at = address.mem_addr_high * 2 ** 32 + address.mem_addr_low;
    const info = mustFind(this.#host.memory.read(at, efa_admin_host_info.size), 'host info there');
    const release = efa_admin_host_info.bytes(info, 'os_dist_str').toString('latin1');
    this.#host.say(`the driver of Linux ${release.replace(/\0.*/, '')} is there`);
  }

  #describe(feature: number): FeatureResponse {
    switch (feature) {
      case EFA_ADMIN_DEVICE_ATTR:
        return { u: { device_attr: deviceAttributes() } };
      case EFA_ADMIN_QUEUE_ATTR_1:
        return { u: { queue_attr_1: queueAttributes() } };
      case EFA_ADMIN_QUEUE_ATTR_2:
        return { u: { queue_attr_2: moreQueueAttributes() } };
      case EFA_ADMIN_NETWORK_ATTR:
        return { u: { network_attr: { addr: GID, mtu: LIMITS.mtu } } };
      case EFA_ADMIN_EVENT_QUEUE_ATTR:
        return { u: { event_queue_attr: eventQueueAttributes() } };
      case EFA_ADMIN_AENQ_CONFIG: {
        const enabled = this.#enabledGroups;
        return { u: { aenq: { supported_groups: AENQ_GROUPS, enabled_groups: enabled } } };
      }
      case EFA_ADMIN_HW_HINTS:
        // No hints: the driver's own values hold.
        return { u: { hw_hints: {} } };
      default:
        throw new Refusal('unsupported', `there is no feature ${feature}`);
    }
  }
}

function deviceAttributes() {
  return {
    supported_features: FEATURES,
    page_size_cap: pageSizes(),
    fw_version: 1,
    admin_api_version: 1,
    device_version: 1,
    db_bar: DOORBELL_BAR,
    phys_addr_width: 52,
    virt_addr_width: 57,
    device_caps: DEVICE_CAPS,
    max_rdma_size: LIMITS.maxRdmaBytes,
    guid: NODE_GUID,
    max_link_speed_gbps: LIMITS.linkGbps,
  };
}

function queueAttributes() {
  return {
    max_qp: LIMITS.maxQp,
    max_sq_depth: LIMITS.maxSqDepth,
    inline_buf_size: LIMITS.inlineBytes,
    max_rq_depth: LIMITS.maxRqDepth,
    max_cq: LIMITS.maxCq,
    max_cq_depth: LIMITS.maxCqDepth,
    sub_cqs_per_cq: LIMITS.subCqsPerCq,
    min_sq_depth: LIMITS.minSqDepth,
    max_wr_send_sges: LIMITS.maxSendSges,
    max_wr_recv_sges: LIMITS.maxRecvSges,
    max_mr: LIMITS.maxMr,
    max_mr_pages: LIMITS.maxMrPages,
    max_pd: LIMITS.maxPd,
    max_ah: LIMITS.maxAh,
    max_llq_size: LIMITS.maxLlqBytes,
    max_wr_rdma_sges: LIMITS.maxRdmaSges,
    max_tx_batch: LIMITS.maxTxBatch,
  };
}

function moreQueueAttributes() {
  return {
    inline_buf_size_ex: LIMITS.inlineBytes,
    supported_event_counter_qp_events: COUNTED_EVENTS,
    max_event_counters: LIMITS.maxEventCounters,
    event_counter_max_val: MAX_COUNT,
  };
}

function eventQueueAttributes() {
  return {
    max_eq: LIMITS.maxEq,
    max_eq_depth: LIMITS.maxEqDepth,
    event_bitmask: EFA_ADMIN_CREATE_EQ_CMD_COMPLETION_EVENTS_MASK,
  };
}
