import { must } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import {
  ERDMA_HW_RESP_MAGIC,
  erdma_cmdq_query_req,
  erdma_cmdq_query_stats_resp,
} from './headers/erdma-hw.ts';

/** What the device counts since its last reset. Nothing is dropped for want of bandwidth. */
export class Statistics {
  txRequests = 0;
  txPackets = 0;
  txBytes = 0;
  rxPackets = 0;
  rxBytes = 0;
  /** Datagrams that nobody took. */
  rxDrops = 0;

  reset(): void {
    Object.assign(this, new Statistics());
  }

  sent(bytes: number, packets: number): void {
    this.txPackets += packets;
    this.txBytes += bytes;
  }

  received(bytes: number, packets: number): void {
    this.rxPackets += packets;
    this.rxBytes += bytes;
  }

  /** GET_STATS: the answer goes to memory. What version and length in its head mean is a guess. */
  report({ memory }: Host, entry: Buffer): void {
    const { target_addr: target, target_length: room } = erdma_cmdq_query_req.decode(entry);
    const length = erdma_cmdq_query_stats_resp.size;
    must(room >= length, `${room} bytes for statistics`);
    const answer = erdma_cmdq_query_stats_resp.make({
      hdr: { magic: ERDMA_HW_RESP_MAGIC, ver: 1, length },
      tx_req_cnt: this.txRequests,
      tx_packets_cnt: this.txPackets,
      tx_bytes_cnt: this.txBytes,
      rx_packets_cnt: this.rxPackets,
      rx_bytes_cnt: this.rxBytes,
      rx_drop_packets_cnt: this.rxDrops,
    });
    must(memory.write(Number(target), answer), 'an answer that cannot be written');
  }
}
