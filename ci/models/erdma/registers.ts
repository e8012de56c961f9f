import {
  ERDMA_PROTO_ROCEV2,
  ERDMA_REG_DEV_CTRL_INIT_MASK,
  ERDMA_REG_DEV_CTRL_RESET_MASK,
  ERDMA_REG_DEV_ST_INIT_DONE_MASK,
  ERDMA_REG_DEV_ST_RESET_DONE_MASK,
  ERDMA_REGS_AEQ_ADDR_H_REG,
  ERDMA_REGS_AEQ_ADDR_L_REG,
  ERDMA_REGS_AEQ_DEPTH_REG,
  ERDMA_REGS_CMDQ_CQ_ADDR_H_REG,
  ERDMA_REGS_CMDQ_CQ_ADDR_L_REG,
  ERDMA_REGS_CMDQ_DEPTH_REG,
  ERDMA_REGS_CMDQ_EQ_ADDR_H_REG,
  ERDMA_REGS_CMDQ_EQ_ADDR_L_REG,
  ERDMA_REGS_CMDQ_EQ_DEPTH_REG,
  ERDMA_REGS_CMDQ_SQ_ADDR_H_REG,
  ERDMA_REGS_CMDQ_SQ_ADDR_L_REG,
  ERDMA_REGS_DEV_CTRL_REG,
  ERDMA_REGS_DEV_PROTO_REG,
  ERDMA_REGS_DEV_ST_REG,
  ERDMA_REGS_NETDEV_MAC_H_REG,
  ERDMA_REGS_NETDEV_MAC_L_REG,
  ERDMA_REGS_STATS_RX_BYTES_REG,
  ERDMA_REGS_STATS_RX_DROP_PKTS_REG,
  ERDMA_REGS_STATS_RX_PKTS_REG,
  ERDMA_REGS_STATS_TSO_OUT_BYTES_REG,
  ERDMA_REGS_STATS_TSO_OUT_PKTS_REG,
  ERDMA_REGS_VERSION_REG,
} from './headers/erdma-hw.ts';
import { INTERFACE_VERSION, MAC } from './limits.ts';
import type { Statistics } from './statistics.ts';

/** A queue in guest memory, as registers describe it. */
export interface QueuePlace {
  readonly base: number;
  readonly depth: number;
}

/** Where the driver put the queues that it needs before it can send commands. */
export interface InitialQueues {
  /** Its depth is in blocks of 32 bytes, and that of the completion queue too. */
  readonly commands: QueuePlace;
  readonly completions: QueuePlace;
  readonly commandEvents: QueuePlace;
  readonly asyncEvents: QueuePlace;
}

export interface RegisterActions {
  /** Begins to work with these queues; false where it cannot. */
  start(queues: InitialQueues): boolean;
  /** All state but the registers' goes. */
  reset(): void;
}

const MAC_NUMBER = BigInt(`0x${MAC.replaceAll(':', '')}`);

/** The registers at the beginning of BAR 0, but for the doorbells there. */
export class Registers {
  readonly #written = new Map<number, number>();
  readonly #actions: RegisterActions;
  readonly #statistics: Statistics;
  #status = 0;

  constructor(actions: RegisterActions, statistics: Statistics) {
    this.#actions = actions;
    this.#statistics = statistics;
  }

  /** 32 bits; of an address register what was written, of others 0. */
  read(offset: number): number {
    switch (offset) {
      case ERDMA_REGS_VERSION_REG:
        return INTERFACE_VERSION;
      case ERDMA_REGS_DEV_PROTO_REG:
        return ERDMA_PROTO_ROCEV2;
      case ERDMA_REGS_DEV_ST_REG:
        return this.#status;
      case ERDMA_REGS_NETDEV_MAC_L_REG:
        return Number(MAC_NUMBER & 0xffff_ffffn);
      case ERDMA_REGS_NETDEV_MAC_H_REG:
        return Number(MAC_NUMBER >> 32n);
      default:
        return this.#counter(offset) ?? this.#get(offset);
    }
  }

  write(offset: number, value: number): void {
    if (offset === ERDMA_REGS_DEV_CTRL_REG) this.#control(value);
    else this.#written.set(offset, value);
  }

  /** As after power on. */
  powerOn(): void {
    this.#written.clear();
    this.#status = 0;
  }

  /** Which of the device's counts these registers show, of 64 bits each, is a guess: no driver reads them. */
  #counter(offset: number): number | undefined {
    const { txPackets, txBytes, rxPackets, rxBytes, rxDrops } = this.#statistics;
    const counts: Readonly<Record<number, number>> = {
      [ERDMA_REGS_STATS_TSO_OUT_PKTS_REG]: txPackets,
      [ERDMA_REGS_STATS_TSO_OUT_BYTES_REG]: txBytes,
      [ERDMA_REGS_STATS_RX_PKTS_REG]: rxPackets,
      [ERDMA_REGS_STATS_RX_BYTES_REG]: rxBytes,
      [ERDMA_REGS_STATS_RX_DROP_PKTS_REG]: rxDrops,
    };
    const low = offset & ~4;
    const count = counts[low];
    if (count === undefined) return undefined;
    return low === offset ? count >>> 0 : Math.floor(count / 2 ** 32);
  }

  #get(offset: number): number {
    return this.#written.get(offset) ?? 0;
  }

  #place(low: number, high: number, depth: number): QueuePlace {
    return { base: this.#get(high) * 2 ** 32 + this.#get(low), depth: this.#get(depth) };
  }

  /**
   * Reset and start are bits of one register (erdma_main.c, erdma_hw_reset() and
   * erdma_wait_hw_init_done()); both are done when the write is. That a device which was started is not
   * started again before a reset is a guess.
   */
  #control(value: number): void {
    if ((value & ERDMA_REG_DEV_CTRL_RESET_MASK) !== 0) {
      this.powerOn();
      this.#actions.reset();
      this.#status = ERDMA_REG_DEV_ST_RESET_DONE_MASK;
      return;
    }
    const isStarted = (this.#status & ERDMA_REG_DEV_ST_INIT_DONE_MASK) !== 0;
    if ((value & ERDMA_REG_DEV_CTRL_INIT_MASK) === 0 || isStarted) return;
    if (!this.#actions.start(this.#queues())) return;
    this.#status = ERDMA_REG_DEV_ST_INIT_DONE_MASK;
  }

  #queues(): InitialQueues {
    const depth = ERDMA_REGS_CMDQ_DEPTH_REG;
    return {
      commands: this.#place(ERDMA_REGS_CMDQ_SQ_ADDR_L_REG, ERDMA_REGS_CMDQ_SQ_ADDR_H_REG, depth),
      completions: this.#place(ERDMA_REGS_CMDQ_CQ_ADDR_L_REG, ERDMA_REGS_CMDQ_CQ_ADDR_H_REG, depth),
      commandEvents: this.#place(
        ERDMA_REGS_CMDQ_EQ_ADDR_L_REG,
        ERDMA_REGS_CMDQ_EQ_ADDR_H_REG,
        ERDMA_REGS_CMDQ_EQ_DEPTH_REG,
      ),
      asyncEvents: this.#place(
        ERDMA_REGS_AEQ_ADDR_L_REG,
        ERDMA_REGS_AEQ_ADDR_H_REG,
        ERDMA_REGS_AEQ_DEPTH_REG,
      ),
    };
  }
}
