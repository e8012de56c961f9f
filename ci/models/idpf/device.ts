import { RdmaChannel } from '../irdma/channel.ts';
import { RdmaEngine } from '../irdma/engine.ts';
import type { Bar, DeviceModel, Host } from '../vfio-user/device.ts';
import { PFGEN_CTRL, PFGEN_CTRL_PFSWR, PFGEN_RSTAT } from './headers/idpf-lan-pf-regs.ts';
import { InterruptVectors } from './interrupt-vectors.ts';
import { MSIX_BAR, MSIX_BAR_BYTES, REGISTER_BAR, REGISTER_BAR_BYTES, VECTORS } from './limits.ts';
import { Mailbox } from './mailbox.ts';
import { answerMessage } from './messages.ts';

/** Of PFGEN_RSTAT: any bit says that the reset is over (idpf_lib.c, idpf_check_reset_complete()). */
const RESET_DONE = 1;

/**
 * A physical function of Intel's Infrastructure Processing Unit, as idpf and irdma see it: a network
 * function without a network, and the RDMA engine that its driver hands on.
 */
export class IdpfDevice implements DeviceModel {
  readonly identity = {
    vendorId: 0x8086,
    deviceId: 0x1452,
    /** QEMU's, by which providers/rdma/irdma/part.ts tells a model from a device. */
    subsystemVendorId: 0x1af4,
    subsystemId: 0x1100,
    revision: 0,
    /** An Ethernet controller, with no programming interface: the driver has one of those tried out. */
    classCode: 0x020000,
  };
  readonly bars: readonly Bar[] = [
    {
      index: REGISTER_BAR,
      sizeBytes: REGISTER_BAR_BYTES,
      is64Bit: true,
      isPrefetchable: true,
    },
    { index: MSIX_BAR, sizeBytes: MSIX_BAR_BYTES, is64Bit: true, isPrefetchable: true },
  ];
  readonly msix = {
    vectors: VECTORS.all,
    bar: MSIX_BAR,
    tableOffset: 0,
    pendingOffset: 0x800,
  };
  readonly #vectors: InterruptVectors;
  readonly #mailbox: Mailbox;
  readonly #rdma: RdmaEngine;

  constructor(host: Host) {
    this.#vectors = new InterruptVectors(host);
    this.#rdma = new RdmaEngine(host, (vector) => this.#vectors.raise(vector));
    const channel = new RdmaChannel(this.#rdma);
    this.#mailbox = new Mailbox(
      host,
      (opcode, message) =>
        answerMessage(opcode, message, {
          tell: (event, data) => this.#mailbox.tell(event, data),
          askRdma: (question) => channel.answer(question),
        }),
      () => this.#vectors.raise(VECTORS.mailbox),
    );
  }

  /** What is no whole register, nor two, reads as ones: a guess. */
  readBar(bar: number, offset: number, count: number): Buffer {
    const answer = Buffer.alloc(count, 0xff);
    if (bar !== REGISTER_BAR || count % 4 !== 0 || offset % 4 !== 0) return answer;
    for (let at = 0; at < count; at += 4) answer.writeUInt32LE(this.#read(offset + at), at);
    return answer;
  }

  writeBar(bar: number, offset: number, data: Buffer): void {
    if (bar !== REGISTER_BAR || data.length % 4 !== 0 || offset % 4 !== 0) return;
    for (let at = 0; at < data.length; at += 4) {
      this.#write(offset + at, data.readUInt32LE(at));
    }
  }

  reset(): void {
    this.#mailbox.reset();
    this.#vectors.reset();
    this.#rdma.reset();
  }

  #read(offset: number): number {
    if (Mailbox.has(offset)) return this.#mailbox.read(offset);
    if (RdmaEngine.has(offset)) return this.#rdma.read(offset);
    return offset === PFGEN_RSTAT ? RESET_DONE : 0;
  }

  #write(offset: number, value: number): void {
    if (Mailbox.has(offset)) this.#mailbox.write(offset, value);
    else if (InterruptVectors.has(offset)) this.#vectors.write(offset, value);
    else if (RdmaEngine.has(offset)) this.#rdma.write(offset, value);
    else if (offset === PFGEN_CTRL && (value & PFGEN_CTRL_PFSWR) !== 0) this.reset();
  }
}
