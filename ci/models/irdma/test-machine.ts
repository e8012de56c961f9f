import { widePlace } from '../bits.ts';
import { VIRTCHNL2_OP_RDMA } from '../idpf/headers/virtchnl2.ts';
import { FREE, Machine } from '../idpf/test-machine.ts';
import { COMMAND_BYTES } from './control-queue.ts';
import {
  IRDMA_CQP_OP_CREATE_AEQ,
  IRDMA_CQP_OP_CREATE_CEQ,
  IRDMA_CQP_OP_CREATE_CQ,
  IRDMA_CQPSQ_CQ_CEQIDVALID,
  IRDMA_CQPSQ_OPCODE,
  IRDMA_CQPSQ_WQEVALID,
} from './headers/defs.ts';
import {
  COMMAND_CONTEXT_HIGH,
  COMMAND_CONTEXT_LOW,
  COMMAND_DOORBELL,
  COMMAND_STATUS,
  COMMAND_TAIL,
  CQ_EVENT_QUEUE,
  CQ_NUMBER,
  STATUS_DONE,
} from './registers.ts';

const CONTEXT = FREE;
const COMMANDS = FREE + 0x1000;
const COMPLETIONS = FREE + 0x2000;
const SHADOW = FREE + 0x3000;
/** The fifth word of a shadow area says what is waited for. */
export const ARMING = SHADOW + 32;
export const EVENTS = FREE + 0x4000;
export const ASYNC_EVENTS = FREE + 0x5000;
/** Where tests have their own memory. */
export const SPACE = FREE + 0x1_0000;

/** The fewest that there are. */
const RING = 4;
export const COMPLETION_ENTRIES = 8;
const EVENT_ENTRIES = 4;

/** How a command ended. */
export interface Ended {
  readonly hasFailed: boolean;
  readonly minor: number;
  readonly value: number;
}

/** Words of a command by their offsets; the head without opcode and valid bit. */
export interface CommandWords {
  readonly head?: bigint;
  readonly [at: number]: bigint | number;
}

/** For unit tests: a function whose RDMA engine takes commands, as the driver sets it up. */
export class RdmaMachine extends Machine {
  #posted = 0;
  #completed = 0;
  #hasCompletions = false;

  /** A message of the RDMA driver, and what it is answered. */
  say(opcode: number, body = Buffer.alloc(0)): { readonly status: number; readonly body: Buffer } {
    const head = Buffer.alloc(16);
    head.writeUInt16LE(opcode, 0);
    head.writeUInt16LE(16 + body.length, 4);
    head.writeBigUInt64LE(0x1234n, 8);
    const { data } = this.answer(VIRTCHNL2_OP_RDMA, Buffer.concat([head, body]));
    if (data.readBigUInt64LE(0) !== 0x1234n) throw new Error('answer to another message');
    return { status: data.readInt16LE(10), body: data.subarray(16) };
  }

  startCommands(): void {
    const context = Buffer.alloc(64);
    // A ring of 4 is told as 1.
    context.writeBigUInt64LE(1n << 8n, 0);
    context.writeBigUInt64LE(BigInt(COMMANDS), 8);
    context.writeBigUInt64LE(0xabcdn, 24);
    this.memory.write(CONTEXT, context);
    this.write(COMMAND_CONTEXT_HIGH, 0);
    this.write(COMMAND_CONTEXT_LOW, CONTEXT);
    if (this.read(COMMAND_STATUS) !== STATUS_DONE) throw new Error('no commands');
  }

  /** Makes the queues that the driver makes before all others: of commands, of events, of asynchronous ones. */
  startQueues(): void {
    this.startCommands();
    this.#hasCompletions = true;
    this.command(IRDMA_CQP_OP_CREATE_CQ, {
      head: IRDMA_CQPSQ_CQ_CEQIDVALID | widePlace(0, CQ_NUMBER) | widePlace(0, CQ_EVENT_QUEUE),
      0: COMPLETION_ENTRIES,
      32: COMPLETIONS,
      40: SHADOW,
    });
    this.command(IRDMA_CQP_OP_CREATE_CEQ, { 16: EVENT_ENTRIES, 32: EVENTS });
    this.command(IRDMA_CQP_OP_CREATE_AEQ, { 16: EVENT_ENTRIES, 32: ASYNC_EVENTS });
  }

  /** Gives a command and says how it ended: by its completion, or by registers where there is none yet. */
  command(opcode: number, words: CommandWords = {}): Ended {
    const entry = Buffer.alloc(COMMAND_BYTES);
    const { head = 0n, ...others } = words;
    for (const [at, word] of Object.entries(others))
      entry.writeBigUInt64LE(BigInt(word), Number(at));
    const isOddRound = Math.floor(this.#posted / RING) % 2 === 1;
    const valid = isOddRound ? 0n : IRDMA_CQPSQ_WQEVALID;
    entry.writeBigUInt64LE(head | widePlace(opcode, IRDMA_CQPSQ_OPCODE) | valid, 24);
    this.memory.write(COMMANDS + (this.#posted % RING) * COMMAND_BYTES, entry);
    this.#posted++;
    this.write(COMMAND_DOORBELL, this.#posted % RING);
    if (this.#hasCompletions) return this.#nextCompletion();
    const tail = this.read(COMMAND_TAIL);
    return { hasFailed: tail >= 2 ** 31, minor: 0, value: 0 };
  }

  #nextCompletion(): Ended {
    const at = COMPLETIONS + (this.#completed % COMPLETION_ENTRIES) * 32;
    const entry = this.memory.read(at, 32) ?? Buffer.alloc(32);
    const isThere = entry.readUInt32LE(28) >= 2 ** 31;
    const isOddRound = Math.floor(this.#completed / COMPLETION_ENTRIES) % 2 === 1;
    if (isThere === isOddRound) throw new Error('the command did not complete');
    if (entry.readBigUInt64LE(8) !== 0xabcdn) throw new Error('a completion of another ring');
    this.#completed++;
    const last = entry.readBigUInt64LE(24);
    return {
      hasFailed: (last & (1n << 55n)) !== 0n,
      minor: Number(last & 0xffffn),
      value: entry.readUInt32LE(16),
    };
  }
}
