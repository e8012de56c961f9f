import { must } from '../refusal.ts';
import {
  EFA_ADMIN_GET_STATS_SCOPE_ALL,
  EFA_ADMIN_GET_STATS_TYPE_BASIC,
  EFA_ADMIN_GET_STATS_TYPE_MESSAGES,
  EFA_ADMIN_GET_STATS_TYPE_NETWORK,
  EFA_ADMIN_GET_STATS_TYPE_RDMA_READ,
  EFA_ADMIN_GET_STATS_TYPE_RDMA_WRITE,
  efa_admin_acq_get_stats_resp,
  efa_admin_aq_get_stats_cmd,
} from './headers/efa-admin-cmds-defs.ts';

/** What the device counts since its last reset. The network between its queue pairs loses nothing. */
export class Statistics {
  txBytes = 0;
  txPackets = 0;
  rxBytes = 0;
  rxPackets = 0;
  rxDrops = 0;
  qkeyViolations = 0;
  sendBytes = 0;
  sends = 0;
  recvBytes = 0;
  recvs = 0;
  reads = 0;
  readBytes = 0;
  readErrors = 0;
  readResponseBytes = 0;
  writes = 0;
  writeBytes = 0;
  writeErrors = 0;
  writeReceivedBytes = 0;

  reset(): void {
    Object.assign(this, new Statistics());
  }

  /** The answer to GET_STATS. */
  report(payload: Buffer): Buffer {
    const { type, scope } = efa_admin_aq_get_stats_cmd.decode(payload);
    must(scope === EFA_ADMIN_GET_STATS_SCOPE_ALL, `statistics of scope ${scope}`);
    const u = this.#group(type);
    must(u !== undefined, `statistics of type ${type}`);
    return efa_admin_acq_get_stats_resp.make({ u: u ?? {} });
  }

  #group(type: number) {
    switch (type) {
      case EFA_ADMIN_GET_STATS_TYPE_BASIC:
        return { basic_stats: this.#basic() };
      case EFA_ADMIN_GET_STATS_TYPE_MESSAGES:
        return { messages_stats: this.#messages() };
      case EFA_ADMIN_GET_STATS_TYPE_RDMA_READ:
        return { rdma_read_stats: this.#rdmaRead() };
      case EFA_ADMIN_GET_STATS_TYPE_RDMA_WRITE:
        return { rdma_write_stats: this.#rdmaWrite() };
      case EFA_ADMIN_GET_STATS_TYPE_NETWORK:
        return { network_stats: {} };
      default:
        return undefined;
    }
  }

  #basic() {
    return {
      tx_bytes: this.txBytes,
      tx_pkts: this.txPackets,
      rx_bytes: this.rxBytes,
      rx_pkts: this.rxPackets,
      rx_drops: this.rxDrops,
      qkey_viol: this.qkeyViolations,
    };
  }

  #messages() {
    return {
      send_bytes: this.sendBytes,
      send_wrs: this.sends,
      recv_bytes: this.recvBytes,
      recv_wrs: this.recvs,
    };
  }

  #rdmaRead() {
    return {
      read_wrs: this.reads,
      read_bytes: this.readBytes,
      read_wr_err: this.readErrors,
      read_resp_bytes: this.readResponseBytes,
    };
  }

  #rdmaWrite() {
    return {
      write_wrs: this.writes,
      write_bytes: this.writeBytes,
      write_wr_err: this.writeErrors,
      write_recv_bytes: this.writeReceivedBytes,
    };
  }
}
