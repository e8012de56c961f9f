import { isSet, part, place, widePart, widePlace } from '../bits.ts';
import { Refusal } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import { EventQueue, ownerOf } from './event-queue.ts';
import {
  CQE_SIZE,
  EQE_SIZE,
  ERDMA_CEQE_HDR_CQN_MASK,
  ERDMA_CMD_HDR_OPCODE_MASK,
  ERDMA_CMD_HDR_SUB_MOD_MASK,
  ERDMA_CMD_HDR_WQEBB_CNT_MASK,
  ERDMA_CMD_HDR_WQEBB_INDEX_MASK,
  ERDMA_CMDQ_SQE_SIZE,
  ERDMA_CQDB_ARM_MASK,
  ERDMA_CQDB_CI_MASK,
  ERDMA_CQE_HDR_OPCODE_MASK,
  ERDMA_CQE_HDR_OWNER_MASK,
  ERDMA_CQE_HDR_QTYPE_MASK,
  ERDMA_CQE_HDR_SYNDROME_MASK,
  ERDMA_CQE_QTYPE_CMDQ,
  ERDMA_MSIX_VECTOR_CMDQ,
  erdma_cqe,
  SQEBB_SIZE,
} from './headers/erdma-hw.ts';
import type { InitialQueues } from './registers.ts';

/** A command with the whole of its entry, whose first word is the head that all have. */
export interface Command {
  readonly module: number;
  readonly opcode: number;
  readonly entry: Buffer;
}

/** Two words that answer a command; most have nothing to say. */
export type Answer = readonly [bigint, bigint];
export type CommandHandler = (command: Command) => Answer;

export const NOTHING: Answer = [0n, 0n];

/** Any other than 0 is an error to the driver (erdma_cmdq.c, erdma_post_cmd_wait()), and all are EIO. */
const REFUSED = 1;
const INDEX_MASK = 0xffff;
const COUNT_MASK = Number(ERDMA_CQDB_CI_MASK);
/** Completion queue 0 is that of commands: the driver numbers its own from 1 (erdma_verbs.c, erdma_create_cq()). */
const COMMAND_CQN = 0;

/** The rings through which the driver asks and is answered. Source: erdma_cmdq.c */
export class CommandQueue {
  readonly events: EventQueue;
  readonly #host: Host;
  readonly #queues: InitialQueues;
  readonly #handle: CommandHandler;
  #taken = 0;
  #completed = 0;
  /** Not before the driver says so: until then it polls. */
  #isArmed = false;
  #isBroken = false;

  constructor(host: Host, queues: InitialQueues, handle: CommandHandler) {
    this.#host = host;
    this.#queues = queues;
    this.#handle = handle;
    this.events = new EventQueue(host, queues.commandEvents, ERDMA_MSIX_VECTOR_CMDQ);
  }

  /** The driver has written entries up to this block. */
  ring(value: bigint): void {
    const producer = widePart(value, ERDMA_CMD_HDR_WQEBB_INDEX_MASK);
    const { depth } = this.#queues.commands;
    if (((producer - this.#taken) & INDEX_MASK) > depth) {
      this.#break(`doorbell ${producer} after ${this.#taken}, of a queue of ${depth} blocks`);
    }
    while (!this.#isBroken && ((producer - this.#taken) & INDEX_MASK) > 0) this.#takeOne();
  }

  /** Arming a queue that has more than was read gives an event at once: what else is the index for. */
  ringCompletions(value: bigint): void {
    if (!isSet(value, ERDMA_CQDB_ARM_MASK)) return;
    this.#isArmed = true;
    const consumed = widePart(value, ERDMA_CQDB_CI_MASK);
    if (((this.#completed - consumed) & COUNT_MASK) !== 0) this.#giveEvent();
  }

  #takeOne(): void {
    const { base, depth } = this.#queues.commands;
    const at = base + (this.#taken % depth) * SQEBB_SIZE;
    const entry = this.#host.memory.read(at, ERDMA_CMDQ_SQE_SIZE);
    if (entry === undefined) {
      this.#break('the command queue cannot be reached');
      return;
    }
    const head = entry.readBigUInt64LE(0);
    const blocks = widePart(head, ERDMA_CMD_HDR_WQEBB_CNT_MASK) + 1;
    if (blocks * SQEBB_SIZE !== ERDMA_CMDQ_SQE_SIZE) {
      this.#break(`a command of ${blocks} blocks`);
      return;
    }
    const index = this.#taken;
    this.#taken = (this.#taken + blocks) & INDEX_MASK;
    const command = {
      module: widePart(head, ERDMA_CMD_HDR_SUB_MOD_MASK),
      opcode: widePart(head, ERDMA_CMD_HDR_OPCODE_MASK),
      entry,
    };
    const answer = this.#try(command);
    this.#complete(index, command.opcode, answer);
  }

  #try(command: Command): Answer | undefined {
    try {
      return this.#handle(command);
    } catch (error) {
      const why = error instanceof Refusal ? error.message : String(error);
      this.#host.say(`command ${command.module}.${command.opcode} is refused: ${why}`);
      return undefined;
    }
  }

  /** The driver finds the command by its first block, and its answer in four words of the other byte order. */
  #complete(index: number, opcode: number, answer: Answer | undefined): void {
    const { base, depth } = this.#queues.completions;
    const head =
      place(ownerOf(this.#completed, depth), ERDMA_CQE_HDR_OWNER_MASK) |
      place(opcode, ERDMA_CQE_HDR_OPCODE_MASK) |
      place(ERDMA_CQE_QTYPE_CMDQ, ERDMA_CQE_HDR_QTYPE_MASK) |
      place(answer === undefined ? REFUSED : 0, ERDMA_CQE_HDR_SYNDROME_MASK);
    const entry = erdma_cqe.make();
    entry.writeUInt32BE(head >>> 0, 0);
    entry.writeUInt32BE(index, 4);
    for (const [i, word] of (answer ?? NOTHING).entries()) {
      entry.writeUInt32BE(Number(word & 0xffff_ffffn), 8 + i * 8);
      entry.writeUInt32BE(Number(word >> 32n), 12 + i * 8);
    }
    const at = base + (this.#completed % depth) * CQE_SIZE;
    this.#completed = (this.#completed + 1) & COUNT_MASK;
    if (!this.#host.memory.publish(at, entry)) this.#break('completions cannot be reached');
    if (this.#isArmed) this.#giveEvent();
  }

  #giveEvent(): void {
    this.#isArmed = false;
    this.events.post(completionEvent(COMMAND_CQN, this.#completed));
  }

  /** Nothing answers any more, until a reset: the driver's commands run out of time. */
  #break(why: string): void {
    this.#host.say(`fatal error: ${why}`);
    this.#isBroken = true;
  }
}

/** An event for a completion queue, its owner bit to be filled in. */
export function completionEvent(cqn: number, produced: number): Buffer {
  const entry = Buffer.alloc(EQE_SIZE);
  const index = part(produced, COUNT_MASK);
  entry.writeBigUInt64LE((BigInt(index) << 32n) | widePlace(cqn, ERDMA_CEQE_HDR_CQN_MASK), 0);
  return entry;
}
