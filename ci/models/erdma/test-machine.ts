import { widePlace } from '../bits.ts';
import { TestHost } from '../test-host.ts';
import { ErdmaDevice } from './device.ts';
import { ownerOf } from './event-queue.ts';
import {
  CMDQ_OPCODE_CREATE_EQ,
  CMDQ_SUBMOD_COMMON,
  CMDQ_SUBMOD_RDMA,
  ERDMA_CMD_HDR_OPCODE_MASK,
  ERDMA_CMD_HDR_SUB_MOD_MASK,
  ERDMA_CMD_HDR_WQEBB_CNT_MASK,
  ERDMA_CMDQ_CQDB_REG,
  ERDMA_CMDQ_SQDB_REG,
  ERDMA_REGS_AEQ_ADDR_L_REG,
  ERDMA_REGS_AEQ_DEPTH_REG,
  ERDMA_REGS_CMDQ_CQ_ADDR_L_REG,
  ERDMA_REGS_CMDQ_DEPTH_REG,
  ERDMA_REGS_CMDQ_EQ_ADDR_L_REG,
  ERDMA_REGS_CMDQ_EQ_DEPTH_REG,
  ERDMA_REGS_CMDQ_SQ_ADDR_L_REG,
  ERDMA_REGS_DEV_CTRL_REG,
  erdma_cmdq_create_eq_req,
} from './headers/erdma-hw.ts';

const COMMANDS = 0x1000;
const ANSWERS = 0x3000;
export const COMMAND_EVENTS = 0x5000;
export const ASYNC_EVENTS = 0x6000;
export const EVENTS = 0x7000;
/** Four commands in a round. */
const BLOCKS = 16;
export const EVENT_DEPTH = 16;
const MEMORY_BYTES = 0x80000;

/** For unit tests: a device with its command queue set up as the driver does it, in memory of 512 KiB. */
export class Machine {
  readonly #host = new TestHost(MEMORY_BYTES);
  readonly memory = this.#host.memory;
  readonly device: ErdmaDevice;
  readonly interrupts = this.#host.interrupts;
  #produced = 0;
  #answered = 0;

  constructor() {
    this.device = new ErdmaDevice(this.#host);
    this.start();
  }

  start(): void {
    this.#produced = 0;
    this.#answered = 0;
    this.memory.write(0, Buffer.alloc(0x8000));
    this.write(ERDMA_REGS_CMDQ_SQ_ADDR_L_REG, COMMANDS);
    this.write(ERDMA_REGS_CMDQ_CQ_ADDR_L_REG, ANSWERS);
    this.write(ERDMA_REGS_CMDQ_DEPTH_REG, BLOCKS);
    this.write(ERDMA_REGS_CMDQ_EQ_ADDR_L_REG, COMMAND_EVENTS);
    this.write(ERDMA_REGS_CMDQ_EQ_DEPTH_REG, 4);
    this.write(ERDMA_REGS_AEQ_ADDR_L_REG, ASYNC_EVENTS);
    this.write(ERDMA_REGS_AEQ_DEPTH_REG, EVENT_DEPTH);
    this.write(ERDMA_REGS_DEV_CTRL_REG, 2);
  }

  write(register: number, value: number): void {
    const data = Buffer.alloc(4);
    data.writeUInt32LE(value >>> 0);
    this.device.writeBar(0, register, data);
  }

  read(register: number): number {
    return this.device.readBar(0, register, 4).readUInt32LE(0);
  }

  ring(offset: number, value: bigint): void {
    const data = Buffer.alloc(8);
    data.writeBigUInt64LE(value);
    this.device.writeBar(0, offset, data);
  }

  armCommands(): void {
    this.ring(ERDMA_CMDQ_CQDB_REG, 0x8000_0000n | BigInt(this.#answered));
  }

  /** Sends a command and polls for its answer: whether it was refused, and the first word. */
  command(opcode: number, entry: Buffer = Buffer.alloc(8), module: number = CMDQ_SUBMOD_RDMA) {
    const head =
      widePlace(opcode, ERDMA_CMD_HDR_OPCODE_MASK) |
      widePlace(module, ERDMA_CMD_HDR_SUB_MOD_MASK) |
      widePlace(3, ERDMA_CMD_HDR_WQEBB_CNT_MASK);
    entry.writeBigUInt64LE(head, 0);
    const index = this.#produced;
    this.memory.write(COMMANDS + (index % BLOCKS) * 32, entry);
    this.#produced += 4;
    this.ring(ERDMA_CMDQ_SQDB_REG, BigInt(this.#produced & 0xffff));
    const at = ANSWERS + (this.#answered % BLOCKS) * 32;
    const answer = this.memory.read(at, 32) ?? Buffer.alloc(32);
    const head32 = answer.readUInt32BE(0);
    const isThere = head32 >>> 31 === ownerOf(this.#answered, BLOCKS);
    this.#answered++;
    const first = BigInt(answer.readUInt32BE(8)) | (BigInt(answer.readUInt32BE(12)) << 32n);
    return {
      ok: isThere && (head32 & 0xff) === 0,
      isThere,
      index: answer.readUInt32BE(4),
      first,
      second: BigInt(answer.readUInt32BE(16)) | (BigInt(answer.readUInt32BE(20)) << 32n),
    };
  }

  createEq(eqn: number): boolean {
    const request = { qbuf_addr: BigInt(EVENTS), vector_idx: eqn, eqn, depth: 4, qtype: 1 };
    const entry = erdma_cmdq_create_eq_req.make(request);
    return this.command(CMDQ_OPCODE_CREATE_EQ, entry, CMDQ_SUBMOD_COMMON).ok;
  }
}
