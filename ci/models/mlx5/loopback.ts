import { fieldsOf } from './frame-fields.ts';
import * as h from './headers/ifc.ts';
import { OWN_MAC } from './limits.ts';
import type { Objects } from './objects.ts';
import type { ReceiveQueue, SendQueue } from './packet-queues.ts';
import type { Port } from './port.ts';
import { queueOf } from './spreading.ts';
import { type Copy, Steering } from './steering.ts';

/** Who receives a frame. */
export interface Arrival {
  readonly rq: ReceiveQueue;
  /** Of the rule that sent it there. */
  readonly tag: number;
}

/**
 * What comes back of the frames that are sent. Nobody is at the other end of the wire; but the port's own
 * address and groups are also on this side of it, as in hardware, where an embedded switch says so.
 */
export class Loopback {
  readonly #objects: Objects;
  readonly #port: Port;
  readonly #steering: Steering;

  constructor(objects: Objects, port: Port) {
    this.#objects = objects;
    this.#port = port;
    this.#steering = new Steering(objects);
  }

  /** Sniffers see all that comes by, whoever it is for. */
  receiversOf(sq: SendQueue, frame: Buffer): readonly Arrival[] {
    const fields = fieldsOf(frame);
    const follow = (type: number) => this.#steering.follow(type, fields, frame.length);
    const sniffed = follow(h.FS_FT_SNIFFER_TX);
    if (!this.#comesBack(frame)) return this.#arrivals(sniffed, fields);
    const isGroup = isToGroup(frame);
    const taken = [...sniffed, ...follow(h.FS_FT_SNIFFER_RX)];
    const own = follow(h.FS_FT_NIC_RX).filter(({ tirn }) => this.#takes(tirn, sq, isGroup));
    return this.#arrivals([...taken, ...own], fields);
  }

  #comesBack(frame: Buffer): boolean {
    const isGroup = isToGroup(frame);
    const isOwn = frame.subarray(0, OWN_MAC.length).equals(OWN_MAC);
    return (isGroup || isOwn) && this.#port.loopsBack(isGroup);
  }

  /**
   * A TIR takes nothing of its own transport domain unless a bit lets it. The header calls the bits
   * "block", but all drivers set them to let frames in. Source: qp.c, create_raw_packet_qp_tir();
   * en_common.c, mlx5e_modify_tirs_lb()
   */
  #takes(tirn: number, sq: SendQueue, isGroup: boolean): boolean {
    const { tirs, tiss } = this.#objects;
    const tir = tirs.get(tirn);
    const tis = tiss.get(sq.tisn);
    if (tir === undefined || tis === undefined) return false;
    const isSelf = h.tirc.get(tir, 'transport_domain') === h.tisc.get(tis, 'transport_domain');
    const bit = isGroup
      ? h.MLX5_TIRC_SELF_LB_BLOCK_BLOCK_MULTICAST
      : h.MLX5_TIRC_SELF_LB_BLOCK_BLOCK_UNICAST;
    return !isSelf || (h.tirc.get(tir, 'self_lb_block') & bit) !== 0;
  }

  #arrivals(copies: readonly Copy[], fields: Buffer): readonly Arrival[] {
    return copies.flatMap(({ tirn, tag }) => {
      const tir = this.#objects.tirs.get(tirn);
      const rq = tir === undefined ? undefined : queueOf(this.#objects, tir, fields);
      return rq === undefined ? [] : [{ rq, tag }];
    });
  }
}

/** Source: include/linux/etherdevice.h, is_multicast_ether_addr() */
function isToGroup(frame: Buffer): boolean {
  return (frame.readUInt8(0) & 1) === 1;
}
