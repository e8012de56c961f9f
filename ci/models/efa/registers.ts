import {
  EFA_REGS_ACQ_BASE_HI_OFF,
  EFA_REGS_ACQ_BASE_LO_OFF,
  EFA_REGS_ACQ_CAPS_OFF,
  EFA_REGS_AENQ_BASE_HI_OFF,
  EFA_REGS_AENQ_BASE_LO_OFF,
  EFA_REGS_AENQ_CAPS_OFF,
  EFA_REGS_AENQ_CONS_DB_OFF,
  EFA_REGS_AQ_BASE_HI_OFF,
  EFA_REGS_AQ_BASE_LO_OFF,
  EFA_REGS_AQ_CAPS_OFF,
  EFA_REGS_CAPS_OFF,
  EFA_REGS_CONTROLLER_VERSION_OFF,
  EFA_REGS_DEV_CTL_DEV_RESET_MASK,
  EFA_REGS_DEV_CTL_OFF,
  EFA_REGS_DEV_STS_FATAL_ERROR_MASK,
  EFA_REGS_DEV_STS_OFF,
  EFA_REGS_DEV_STS_READY_MASK,
  EFA_REGS_DEV_STS_RESET_FINISHED_MASK,
  EFA_REGS_DEV_STS_RESET_IN_PROGRESS_MASK,
  EFA_REGS_INTR_MASK_EN_MASK,
  EFA_REGS_INTR_MASK_OFF,
  EFA_REGS_MMIO_REG_READ_OFF,
  EFA_REGS_MMIO_RESP_HI_OFF,
  EFA_REGS_MMIO_RESP_LO_OFF,
  EFA_REGS_VERSION_OFF,
} from './headers/efa-regs-defs.ts';

/** Version 0.3 of the interface: completions with checksums, and commands in version 2 if asked for. */
const VERSION = 0x0003;
/** The least that the driver takes: 0.0.1. */
const CONTROLLER_VERSION = 0x0000_0001;
/** In units of 100 ms; how long commands may take is left to the driver, since machines are emulated. */
const RESET_TIMEOUT = 10;
const DMA_ADDRESS_BITS = 52;
const CAPS = (RESET_TIMEOUT << 1) | (DMA_ADDRESS_BITS << 8);
/** What a read gives that cannot be answered: EFA_MMIO_READ_INVALID of efa_com.c. */
export const INVALID = 0xffff_ffff;

/** A queue of entries in guest memory, as its registers describe it. */
export interface QueuePlace {
  readonly base: number;
  readonly depth: number;
  readonly entryBytes: number;
  readonly vector: number;
}

export interface RegisterActions {
  /** An answer to a register read goes to memory. */
  answerRead(address: number, requestId: number, offset: number, value: number): void;
  /** All state but the registers' goes. */
  reset(): void;
}

/**
 * The registers. The driver never loads from them: it writes which one it wants, and the value comes by
 * DMA (efa_com.c, efa_com_reg_read32()).
 */
export class Registers {
  readonly #written = new Map<number, number>();
  readonly #actions: RegisterActions;
  #status = EFA_REGS_DEV_STS_READY_MASK;

  constructor(actions: RegisterActions) {
    this.#actions = actions;
  }

  get isInterruptMasked(): boolean {
    return (this.#get(EFA_REGS_INTR_MASK_OFF) & EFA_REGS_INTR_MASK_EN_MASK) !== 0;
  }

  get isRunning(): boolean {
    return (this.#status & NOT_RUNNING) === 0;
  }

  get adminQueue(): QueuePlace {
    const caps = this.#get(EFA_REGS_AQ_CAPS_OFF);
    const base = this.#address(EFA_REGS_AQ_BASE_LO_OFF, EFA_REGS_AQ_BASE_HI_OFF);
    return { base, depth: caps & 0xffff, entryBytes: caps >>> 16, vector: 0 };
  }

  get adminCompletionQueue(): QueuePlace {
    const base = this.#address(EFA_REGS_ACQ_BASE_LO_OFF, EFA_REGS_ACQ_BASE_HI_OFF);
    return withVector(base, this.#get(EFA_REGS_ACQ_CAPS_OFF));
  }

  get asyncEventQueue(): QueuePlace {
    const base = this.#address(EFA_REGS_AENQ_BASE_LO_OFF, EFA_REGS_AENQ_BASE_HI_OFF);
    return withVector(base, this.#get(EFA_REGS_AENQ_CAPS_OFF));
  }

  /** How many asynchronous events the driver has read since the last reset. */
  get asyncEventsRead(): number {
    return this.#get(EFA_REGS_AENQ_CONS_DB_OFF);
  }

  write(offset: number, value: number): void {
    if (offset === EFA_REGS_DEV_CTL_OFF) this.#control(value);
    else if (offset === EFA_REGS_MMIO_REG_READ_OFF) this.#answer(value & 0xffff, value >>> 16);
    else this.#written.set(offset, value);
  }

  /** The device gives up: it takes no commands until it is reset. */
  fail(): void {
    this.#status |= EFA_REGS_DEV_STS_FATAL_ERROR_MASK;
  }

  /** As after power on. */
  powerOn(): void {
    this.#written.clear();
    this.#status = EFA_REGS_DEV_STS_READY_MASK;
  }

  #get(offset: number): number {
    return this.#written.get(offset) ?? 0;
  }

  #address(low: number, high: number): number {
    return this.#get(high) * 2 ** 32 + this.#get(low);
  }

  /** Reset is asked for by one write and ended by another: efa_com.c, efa_com_dev_reset(). */
  #control(value: number): void {
    const isResetting = (this.#status & EFA_REGS_DEV_STS_RESET_IN_PROGRESS_MASK) !== 0;
    const wantsReset = (value & EFA_REGS_DEV_CTL_DEV_RESET_MASK) !== 0;
    if (wantsReset && !isResetting) {
      this.powerOn();
      this.#actions.reset();
      this.#status |= EFA_REGS_DEV_STS_RESET_IN_PROGRESS_MASK;
    } else if (!wantsReset && isResetting) {
      this.#status = EFA_REGS_DEV_STS_READY_MASK | EFA_REGS_DEV_STS_RESET_FINISHED_MASK;
    }
  }

  #answer(requestId: number, offset: number): void {
    const address = this.#address(EFA_REGS_MMIO_RESP_LO_OFF, EFA_REGS_MMIO_RESP_HI_OFF);
    if (address !== 0) this.#actions.answerRead(address, requestId, offset, this.#valueOf(offset));
  }

  /** Those that are there to be read; of others nothing is known. */
  #valueOf(offset: number): number {
    switch (offset) {
      case EFA_REGS_VERSION_OFF:
        return VERSION;
      case EFA_REGS_CONTROLLER_VERSION_OFF:
        return CONTROLLER_VERSION;
      case EFA_REGS_CAPS_OFF:
        return CAPS;
      case EFA_REGS_DEV_STS_OFF:
        return this.#status;
      default:
        return INVALID;
    }
  }
}

const NOT_RUNNING = EFA_REGS_DEV_STS_RESET_IN_PROGRESS_MASK | EFA_REGS_DEV_STS_FATAL_ERROR_MASK;

/** As acq_caps and aenq_caps have it: depth, size of an entry, vector. */
function withVector(base: number, caps: number): QueuePlace {
  return { base, depth: caps & 0xffff, entryBytes: (caps >>> 16) & 0xff, vector: caps >>> 24 };
}
