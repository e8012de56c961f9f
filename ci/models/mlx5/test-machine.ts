import { TestHost } from '../test-host.ts';
import type { Link } from './capabilities.ts';
import { Mlx5Device } from './device.ts';
import * as h from './headers/ifc.ts';

const COMMANDS = 0x1000;
const INPUT_BLOCKS = 0x2000;
const OUTPUT_BLOCKS = 0x8000;
const BLOCK_STRIDE = 0x400;
const BLOCK_BYTES = 512;
const NEXT = BLOCK_BYTES + 48;
const INLINE_BYTES = 16;
const MEMORY_BYTES = 0x100000;
/** Behind the guest's memory. */
export const BAR_ADDRESS = 0x4000_0000;

const EQE_BYTES = 64;
const EQ_DEPTH = 64;
/** Where all commands with a list of pages have it, and those of EQs, CQs and QPs their context. */
export const PAGES = 272;
const CONTEXT = 16;

export interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly number: number;
  readonly output: Buffer;
}

export interface Event {
  readonly type: number;
  readonly number: number;
  readonly first: number;
  readonly syndrome: number;
  readonly subtype: number;
  /** All that its type says. */
  readonly data: Buffer;
}

/** For unit tests: a device with its command queue set up as the driver does it, in memory of 1 MiB. */
export class Machine {
  readonly #host = new TestHost(MEMORY_BYTES, BAR_ADDRESS);
  readonly memory = this.#host.memory;
  readonly device: Mlx5Device;
  readonly interrupts = this.#host.interrupts;
  readonly #polled = new Map<number, number>();

  constructor(link: Link = 'infiniband') {
    this.device = new Mlx5Device(this.#host, link);
    this.write32(0x10, 0);
    this.write32(0x14, COMMANDS);
  }

  write32(offset: number, value: number): void {
    const data = Buffer.alloc(4);
    data.writeUInt32BE(value >>> 0);
    this.device.writeBar(0, offset, data);
  }

  ring(offset: number, first: number, second: number): void {
    const data = Buffer.alloc(8);
    data.writeUInt32BE(first >>> 0, 0);
    data.writeUInt32BE(second >>> 0, 4);
    this.device.writeBar(0, offset, data);
  }

  /** @param input what begins with the opcode, which is put in here */
  command(opcode: number, input: Buffer = Buffer.alloc(16), opMod = 0, room = 512): Answer {
    input.writeUInt16BE(opcode, 0);
    input.writeUInt16BE(opMod, 6);
    const entry = Buffer.alloc(64);
    entry.writeUInt32BE(input.length, 4);
    entry.writeBigUInt64BE(BigInt(INPUT_BLOCKS), 8);
    input.copy(entry, 16, 0, INLINE_BYTES);
    entry.writeBigUInt64BE(BigInt(OUTPUT_BLOCKS), 48);
    entry.writeUInt32BE(room, 56);
    entry.writeUInt8(1, 63);
    this.#chain(INPUT_BLOCKS, input.subarray(INLINE_BYTES), input.length);
    this.#chain(OUTPUT_BLOCKS, Buffer.alloc(0), room);
    this.memory.write(COMMANDS, entry);
    this.write32(0x18, 1);
    return this.#answer(room);
  }

  /** A queue for events of all types (`asynchronous`), or of completions. */
  createEq(at: number, isAsynchronous: boolean): number {
    const input = Buffer.alloc(PAGES + 8);
    const context = input.subarray(CONTEXT, CONTEXT + h.eqc.sizeBytes);
    h.eqc.set(context, 'log_eq_size', Math.log2(EQ_DEPTH));
    const mask = isAsynchronous ? ~1n & (2n ** 64n - 1n) : 0n;
    h.create_eq_in.setBig(input, 'event_bitmask', mask, 0);
    input.writeBigUInt64BE(BigInt(at), PAGES);
    this.#polled.set(at, 0);
    return this.command(h.MLX5_CMD_OP_CREATE_EQ, input).number;
  }

  /** Events since the last call, by the place of the queue. */
  events(at: number): readonly Event[] {
    const found: Event[] = [];
    for (let index = this.#polled.get(at) ?? 0; ; index++) {
      const entry = this.read(at + (index % EQ_DEPTH) * EQE_BYTES, EQE_BYTES);
      const isOurs = (entry.readUInt8(63) & 1) === (Math.floor(index / EQ_DEPTH) & 1);
      const isThere = isOurs && !entry.equals(Buffer.alloc(EQE_BYTES));
      this.#polled.set(at, index);
      if (!isThere) return found;
      const [number, first] = [entry.readUInt32BE(56), entry.readUInt32BE(32)];
      const [type, subtype, syndrome] = [1, 3, 43].map((at) => entry.readUInt8(at));
      const data = Buffer.from(entry.subarray(32, 60));
      found.push({ type, number, first, syndrome, subtype, data } as Event);
    }
  }

  read(address: number, length: number): Buffer {
    return this.memory.read(address, length) ?? Buffer.alloc(length);
  }

  /** A big-endian word. */
  setWord(address: number, value: number): void {
    const word = Buffer.alloc(4);
    word.writeUInt32BE(value >>> 0);
    this.memory.write(address, word);
  }

  #chain(start: number, data: Buffer, length: number): void {
    for (let block = 0; block * BLOCK_BYTES < length; block++) {
      const at = start + block * BLOCK_STRIDE;
      this.memory.write(at, data.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES));
      const next = Buffer.alloc(8);
      next.writeBigUInt64BE(BigInt(at + BLOCK_STRIDE));
      this.memory.write(at + NEXT, next);
    }
  }

  #answer(room: number): Answer {
    const parts = [this.read(COMMANDS + 32, INLINE_BYTES)];
    for (let at = INLINE_BYTES, block = 0; at < room; at += BLOCK_BYTES, block++)
      parts.push(this.read(OUTPUT_BLOCKS + block * BLOCK_STRIDE, BLOCK_BYTES));
    const output = Buffer.concat(parts).subarray(0, room);
    const status = output.readUInt8(0);
    return { ok: status === 0, status, number: output.readUInt32BE(8) & 0xff_ffff, output };
  }
}
