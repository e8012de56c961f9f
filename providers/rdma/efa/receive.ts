import { E, type Errno } from '../../../uapi/errno.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import {
  type Posted,
  postEach,
  type ReceiveQueue,
  type ReceiveRequest,
  type Sge,
} from '../driver.ts';
import type { Doorbell } from './device-page.ts';
import * as io from './io-defs.ts';
import type { RequestIds } from './request-ids.ts';
import { RECEIVE_ENTRY_BYTES } from './sizes.ts';

const AT = {
  address: io.efa_io_rx_desc.field('buf_addr_lo').offset,
  request: io.efa_io_rx_desc.field('req_id').offset,
  length: io.efa_io_rx_desc.field('length').offset,
  lkey: io.efa_io_rx_desc.field('lkey_ctrl').offset,
};
const MOST_BYTES = 0xffff;
/** A request without room is a piece of no bytes. */
const NOTHING: Sge = { address: 0n, length: 0, lkey: 0 };

/** A ring in host memory: an entry for each piece of a request. */
export class EfaReceiveQueue implements ReceiveQueue {
  readonly #ring: Mapping;
  readonly #entries: number;
  readonly #maxSge: number;
  readonly #doorbell: Doorbell;
  readonly #requests: RequestIds;
  #produced = 0;

  constructor(
    ring: Mapping,
    doorbell: Doorbell,
    limits: { readonly entries: number; readonly maxSge: number },
    requests: RequestIds,
  ) {
    this.#ring = ring;
    this.#doorbell = doorbell;
    this.#entries = limits.entries;
    this.#maxSge = limits.maxSge;
    this.#requests = requests;
  }

  post(requests: readonly ReceiveRequest[]): Posted {
    return postEach(requests, (request) => this.#postOne(request));
  }

  #postOne({ id, sges }: ReceiveRequest): Errno {
    const isEncodable = sges.every(({ length }) => length <= MOST_BYTES);
    if (sges.length > this.#maxSge || !isEncodable) return E.EINVAL;
    const number = this.#requests.take(id);
    if (number === undefined) return E.ENOMEM;
    const pieces = sges.length > 0 ? sges : [NOTHING];
    for (const [i, sge] of pieces.entries()) {
      const at = (this.#produced % this.#entries) * RECEIVE_ENTRY_BYTES;
      const place = { isFirst: i === 0, isLast: i === pieces.length - 1 };
      this.#ring.write(at, encodeReceive(sge, number, place));
      this.#produced++;
    }
    return 0;
  }

  ring(): void {
    this.#doorbell.ring(this.#produced & 0xffff);
  }

  drop(): void {
    this.#produced = 0;
    this.#requests.clear();
  }

  close(): void {
    this.#ring.unmap();
    this.#doorbell.close();
  }
}

/** A struct efa_io_rx_desc. Only the first of a request names it. */
export function encodeReceive(
  { address, length, lkey }: Sge,
  number: number,
  { isFirst, isLast }: { readonly isFirst: boolean; readonly isLast: boolean },
): Buffer {
  const desc = Buffer.alloc(RECEIVE_ENTRY_BYTES);
  desc.writeBigUInt64LE(BigInt.asUintN(64, address), AT.address);
  desc.writeUInt16LE(isFirst ? number : 0, AT.request);
  desc.writeUInt16LE(length, AT.length);
  const control =
    (lkey & io.EFA_IO_RX_DESC_LKEY_MASK) |
    (isFirst ? io.EFA_IO_RX_DESC_FIRST_MASK : 0) |
    (isLast ? io.EFA_IO_RX_DESC_LAST_MASK : 0);
  desc.writeUInt32LE(control >>> 0, AT.lkey);
  return desc;
}
