import { isSet, widePart, widePlace } from '../bits.ts';
import { Refusal, type RefusalKind } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import type { CompletionQueue } from './completion-queue.ts';
import {
  IRDMA_CQ_ERROR,
  IRDMA_CQ_MAJERR,
  IRDMA_CQ_MINERR,
  IRDMA_CQ_WQEIDX,
  IRDMA_CQPHC_SQSIZE,
  IRDMA_CQPSQ_MAJ_ERROR,
  IRDMA_CQPSQ_OPCODE,
  IRDMA_CQPSQ_WQEVALID,
} from './headers/defs.ts';

export const COMMAND_BYTES = 64;
const CONTEXT_BYTES = 64;

/** A command of eight words; its head is the fourth. */
export interface Command {
  readonly opcode: number;
  readonly head: bigint;
  readonly entry: Buffer;
}

/** Carries a command out; what it returns is told with the completion. @throws Refusal */
export type CommandHandler = (command: Command) => number;

/**
 * Minor codes of refusals. The driver knows five by name (utils.c, irdma_noncrit_err_list[]), of which
 * "invalid state" means EBUSY to it; all others are EIO, so the rest are guesses.
 */
const MINOR: Readonly<Record<RefusalKind, number>> = {
  busy: 0x8002,
  parameter: 0x8001,
  room: 0x8003,
  unsupported: 0x8004,
  opcode: 0x8005,
};

/** The ring of commands (CQP). Source: ctrl.c, irdma_sc_cqp_create() and irdma_sc_ccq_get_cqe_info() */
export class ControlQueue {
  /** Where commands complete, once the driver has made it; until then it reads registers. */
  completions: CompletionQueue | undefined;
  /** How many were carried out, modulo the ring. */
  tail = 0;
  /** Minor and major code of the last command that was refused. */
  error = 0;
  hasFailed = false;
  readonly #host: Host;
  readonly #handle: CommandHandler;
  readonly #base: number;
  readonly #entries: number;
  /** Comes back with completions. */
  readonly #context: bigint;
  #round = 0;

  private constructor(host: Host, context: Buffer, handle: CommandHandler) {
    this.#host = host;
    this.#handle = handle;
    // The smallest ring, of 4, is 1 (ctrl.c, irdma_get_encoded_wqe_size()).
    this.#entries = 2 ** (widePart(context.readBigUInt64LE(0), IRDMA_CQPHC_SQSIZE) + 1);
    this.#base = Number(context.readBigUInt64LE(8));
    this.#context = context.readBigUInt64LE(24);
  }

  /** @returns undefined where the context cannot be read */
  static start(host: Host, at: number, handle: CommandHandler): ControlQueue | undefined {
    const context = host.memory.read(at, CONTEXT_BYTES);
    return context === undefined ? undefined : new ControlQueue(host, context, handle);
  }

  /** The driver has written entries up to this one. */
  ring(head: number): void {
    while (this.tail !== head % this.#entries && this.#takeOne());
  }

  #takeOne(): boolean {
    const index = this.tail;
    const entry = this.#host.memory.read(this.#base + index * COMMAND_BYTES, COMMAND_BYTES);
    const head = entry?.readBigUInt64LE(24) ?? 0n;
    const isValid = isSet(head, IRDMA_CQPSQ_WQEVALID) === (this.#round % 2 === 0);
    if (entry === undefined || !isValid) {
      this.#host.say(`command ${index} is not there`);
      return false;
    }
    this.tail = (index + 1) % this.#entries;
    if (this.tail === 0) this.#round++;
    const opcode = widePart(head, IRDMA_CQPSQ_OPCODE);
    this.#complete(index, this.#try({ opcode, head, entry }));
    return true;
  }

  #try(command: Command): number | Refusal {
    try {
      return this.#handle(command);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#host.say(`command ${command.opcode} is refused: ${error.message}`);
      return error;
    }
  }

  #complete(index: number, result: number | Refusal): void {
    const entry = Buffer.alloc(32);
    let last = widePlace(index, IRDMA_CQ_WQEIDX);
    this.hasFailed = result instanceof Refusal;
    if (result instanceof Refusal) {
      const minor = MINOR[result.kind];
      this.error = ((IRDMA_CQPSQ_MAJ_ERROR << 16) | minor) >>> 0;
      last |= IRDMA_CQ_ERROR | widePlace(IRDMA_CQPSQ_MAJ_ERROR, IRDMA_CQ_MAJERR);
      last |= widePlace(minor, IRDMA_CQ_MINERR);
    } else entry.writeUInt32LE(result, 16);
    entry.writeBigUInt64LE(this.#context, 8);
    entry.writeBigUInt64LE(last, 24);
    this.completions?.post(entry);
  }
}
