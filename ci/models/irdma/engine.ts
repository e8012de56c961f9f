import type { Host } from '../vfio-user/device.ts';
import type { ChannelActions } from './channel.ts';
import { carryOut } from './commands.ts';
import { ControlQueue } from './control-queue.ts';
import { Objects } from './objects.ts';
import {
  COMMAND_CONTEXT_HIGH,
  COMMAND_CONTEXT_LOW,
  COMMAND_DOORBELL,
  COMMAND_ERROR,
  COMMAND_STATUS,
  COMMAND_TAIL,
  DOORBELL_ARM,
  REGION,
  STATUS_DONE,
  STATUS_ERROR,
  TAIL_ERROR,
} from './registers.ts';

/** The RDMA half of the function: its registers, and all that commands have made. */
export class RdmaEngine implements ChannelActions {
  readonly #host: Host;
  readonly #raise: (vector: number) => void;
  #objects: Objects;
  #commands: ControlQueue | undefined;
  #contextHigh = 0;
  #status = 0;

  constructor(host: Host, raise: (vector: number) => void) {
    this.#host = host;
    this.#raise = raise;
    this.#objects = new Objects(host.memory);
  }

  static has(offset: number): boolean {
    return offset >= REGION.start && offset < REGION.start + REGION.bytes;
  }

  read(offset: number): number {
    switch (offset) {
      case COMMAND_STATUS:
        return this.#status;
      case COMMAND_TAIL:
        if (this.#commands === undefined) return 0;
        return (this.#commands.tail | (this.#commands.hasFailed ? TAIL_ERROR : 0)) >>> 0;
      case COMMAND_ERROR:
        return this.#commands?.error ?? 0;
      default:
        return 0;
    }
  }

  write(offset: number, value: number): void {
    switch (offset) {
      case COMMAND_CONTEXT_HIGH:
        this.#contextHigh = value;
        break;
      case COMMAND_CONTEXT_LOW:
        this.#control(this.#contextHigh * 2 ** 32 + value);
        break;
      case COMMAND_DOORBELL:
        this.#commands?.ring(value);
        break;
      case DOORBELL_ARM:
        this.#objects.cqs.get(value)?.arm();
        break;
      default:
        break;
    }
  }

  mapVector(eventQueue: number | undefined, vector: number): void {
    const queue =
      eventQueue === undefined
        ? this.#objects.asyncEvents
        : this.#objects.eventQueues.get(eventQueue);
    if (queue !== undefined) queue.vector = vector;
  }

  reset(): void {
    this.#objects = new Objects(this.#host.memory);
    this.#commands = undefined;
    this.#contextHigh = 0;
    this.#status = 0;
  }

  /** Starts the ring of commands by its context's address, or ends it by none. */
  #control(context: number): void {
    this.#commands = undefined;
    this.#status = 0;
    if (context === 0) return;
    this.#commands = ControlQueue.start(this.#host, context, (command) =>
      carryOut(command, {
        host: this.#host,
        objects: this.#objects,
        raise: this.#raise,
        setCommandCompletions: (queue) => {
          if (this.#commands !== undefined) this.#commands.completions = queue;
        },
      }),
    );
    this.#status = this.#commands === undefined ? STATUS_ERROR : STATUS_DONE;
  }
}
