import type { Host } from '../vfio-user/device.ts';
import {
  PF_GLINT_BASE,
  PF_GLINT_DYN_CTL_INTENA_M,
  PF_GLINT_DYN_CTL_INTENA_MSK_M,
} from './headers/idpf-lan-pf-regs.ts';
import { VECTOR_SPACING, VECTORS } from './limits.ts';

const REGISTERS_END = PF_GLINT_BASE + VECTORS.all * VECTOR_SPACING;

interface Vector {
  isEnabled: boolean;
  isPending: boolean;
}

/**
 * The vectors with their control registers, shared by both drivers. One that fires is off until a driver
 * turns it on again (idpf_txrx.c, idpf_vport_intr_ena(); irdma's hw.c, irdma_ceq_dpc()). What came
 * meanwhile fires then, although the driver also asks to forget it: a guess, without which an event
 * between the last look and the turning on would be lost.
 */
export class InterruptVectors {
  readonly #host: Host;
  #vectors: readonly Vector[] = [];

  constructor(host: Host) {
    this.#host = host;
    this.reset();
  }

  static has(offset: number): boolean {
    return offset >= PF_GLINT_BASE && offset < REGISTERS_END;
  }

  raise(number: number): void {
    const vector = this.#vectors[number];
    if (vector === undefined) return;
    vector.isPending = true;
    this.#fire(number, vector);
  }

  /** Registers of throttling are heard and do nothing. */
  write(offset: number, value: number): void {
    if ((offset - PF_GLINT_BASE) % VECTOR_SPACING !== 0) return;
    if ((value & PF_GLINT_DYN_CTL_INTENA_MSK_M) !== 0) return;
    const number = (offset - PF_GLINT_BASE) / VECTOR_SPACING;
    const vector = this.#vectors[number];
    if (vector === undefined) return;
    vector.isEnabled = (value & PF_GLINT_DYN_CTL_INTENA_M) !== 0;
    this.#fire(number, vector);
  }

  reset(): void {
    this.#vectors = Array.from({ length: VECTORS.all }, () => ({
      isEnabled: false,
      isPending: false,
    }));
  }

  #fire(number: number, vector: Vector): void {
    if (!vector.isEnabled || !vector.isPending) return;
    vector.isEnabled = false;
    vector.isPending = false;
    this.#host.interrupt(number);
  }
}
