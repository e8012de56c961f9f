import { TestHost } from '../test-host.ts';
import { phaseOf } from './admin-queue.ts';
import { EfaDevice } from './device.ts';
import { efa_admin_acq_common_desc, efa_admin_aq_common_desc } from './headers/efa-admin-defs.ts';
import {
  EFA_REGS_ACQ_BASE_LO_OFF,
  EFA_REGS_ACQ_CAPS_OFF,
  EFA_REGS_AQ_BASE_LO_OFF,
  EFA_REGS_AQ_CAPS_OFF,
  EFA_REGS_AQ_PROD_DB_OFF,
  EFA_REGS_MMIO_REG_READ_OFF,
  EFA_REGS_MMIO_RESP_LO_OFF,
} from './headers/efa-regs-defs.ts';

const AQ = 0x1000;
const ACQ = 0x3000;
export const ANSWER = 0x5000;
export const DEPTH = 32;

/** For unit tests: a device with its admin queue set up as the driver does it, in memory of 256 KiB. */
export class Machine {
  readonly #host = new TestHost(0x40000);
  readonly memory = this.#host.memory;
  readonly device: EfaDevice;
  readonly interrupts = this.#host.interrupts;
  #produced = 0;

  constructor() {
    this.device = new EfaDevice(this.#host);
    this.write(EFA_REGS_AQ_BASE_LO_OFF, AQ);
    this.write(EFA_REGS_AQ_CAPS_OFF, DEPTH | (64 << 16));
    this.write(EFA_REGS_ACQ_BASE_LO_OFF, ACQ);
    this.write(EFA_REGS_ACQ_CAPS_OFF, DEPTH | (64 << 16));
    this.write(EFA_REGS_MMIO_RESP_LO_OFF, ANSWER);
  }

  write(register: number, value: number): void {
    const data = Buffer.alloc(4);
    data.writeUInt32LE(value >>> 0);
    this.device.writeBar(0, register, data);
  }

  read(register: number): number {
    this.write(EFA_REGS_MMIO_REG_READ_OFF, (register << 16) | 0x77);
    return this.memory.read(ANSWER, 8)?.readUInt32LE(4) ?? -1;
  }

  command(opcode: number, payload: Buffer, phase = phaseOf(this.#produced, DEPTH)) {
    const entry = Buffer.alloc(64);
    efa_admin_aq_common_desc.set(entry, 'opcode', opcode);
    efa_admin_aq_common_desc.set(entry, 'flags', phase);
    payload.copy(entry, 4);
    const slot = this.#produced % DEPTH;
    this.memory.write(AQ + slot * 64, entry);
    this.write(EFA_REGS_AQ_PROD_DB_OFF, ++this.#produced & 0xffff);
    const answer = this.memory.read(ACQ + slot * 64, 64) ?? Buffer.alloc(64);
    return { status: efa_admin_acq_common_desc.get(answer, 'status'), answer };
  }
}
