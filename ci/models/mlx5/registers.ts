import { LIMITS } from './limits.ts';

/** The initialization segment, at the start of BAR 0. Source: include/linux/mlx5/device.h, struct mlx5_init_seg */
const FW_REVISION = 0x000;
const COMMAND_REVISION = 0x004;
const QUEUE_ADDRESS_HIGH = 0x010;
const QUEUE_ADDRESS_LOW = 0x014;
const COMMAND_DOORBELL = 0x018;
const INITIALIZING = 0x1fc;
const TIMER_HIGH = 0x1000;
const TIMER_LOW = 0x1004;
const HEALTH_COUNTER = 0x1010;
export const SEGMENT_BYTES = 0x4000;

/** Interface revision 5, the only one that there is. Source: core/cmd.c, CMD_IF_REV */
const REVISION = 5;

export interface SegmentActions {
  /** A bit for each entry of the command queue that is the device's now. */
  ringCommands(queue: number, entries: number): void;
}

/** Registers are big-endian words. */
export class Segment {
  readonly #actions: SegmentActions;
  readonly #startedMs = performance.now();
  /** Halves of the command queue's address. */
  #high = 0;
  #low = 0;
  #health = 0;

  constructor(actions: SegmentActions) {
    this.#actions = actions;
  }

  read(offset: number): number {
    switch (offset) {
      case FW_REVISION:
        return (LIMITS.firmware.minor << 16) | LIMITS.firmware.major;
      case COMMAND_REVISION:
        return (REVISION << 16) | LIMITS.firmware.sub;
      case QUEUE_ADDRESS_HIGH:
        return this.#high;
      case QUEUE_ADDRESS_LOW:
        return (this.#low | (LIMITS.logCommands << 4) | LIMITS.logCommandStride) >>> 0;
      case INITIALIZING:
        return 0;
      case TIMER_HIGH:
        return Math.floor(this.#ticks() / 2 ** 32);
      case TIMER_LOW:
        return this.#ticks() % 2 ** 32;
      case HEALTH_COUNTER:
        // One that stands still is a device that hangs: core/health.c, poll_health().
        this.#health = (this.#health + 1) % 2 ** 24;
        return this.#health;
      default:
        return 0;
    }
  }

  write(offset: number, value: number): void {
    if (offset === QUEUE_ADDRESS_HIGH) this.#high = value;
    else if (offset === QUEUE_ADDRESS_LOW) this.#low = (value & ~0xfff) >>> 0;
    else if (offset === COMMAND_DOORBELL) {
      this.#actions.ringCommands(this.#high * 2 ** 32 + this.#low, value);
    }
  }

  reset(): void {
    this.#high = 0;
    this.#low = 0;
  }

  /** Of the device's clock. */
  #ticks(): number {
    return Math.floor((performance.now() - this.#startedMs) * LIMITS.clockKhz);
  }
}
