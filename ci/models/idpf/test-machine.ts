import { TestHost } from '../test-host.ts';
import { IdpfDevice } from './device.ts';
import {
  PF_FW_ARQBAL,
  PF_FW_ARQLEN,
  PF_FW_ARQLEN_ARQENABLE_M,
  PF_FW_ARQT,
  PF_FW_ATQBAL,
  PF_FW_ATQLEN,
  PF_FW_ATQLEN_ATQENABLE_M,
  PF_FW_ATQT,
  PF_GLINT_BASE,
  PF_GLINT_DYN_CTL_INTENA_M,
} from './headers/idpf-lan-pf-regs.ts';
import { VECTOR_SPACING } from './limits.ts';

const QUESTIONS = 0x1000;
const ANSWERS = 0x2000;
const QUESTION = 0x3000;
const ANSWER = 0x4000;
const ENTRIES = 16;
const DESCRIPTOR_BYTES = 32;
const SEND_TO_CONTROL_PLANE = 0x801;
/** Where tests of more than messages have their memory. */
export const FREE = 0x2_0000;
const MEMORY_BYTES = 2 ** 22;

/** What came through the mailbox. */
export interface Received {
  readonly opcode: number;
  readonly status: number;
  readonly cookie: number;
  readonly data: Buffer;
}

/** For unit tests: a function with its mailbox set up as the driver does it, in memory of 4 MiB. */
export class Machine {
  readonly #host = new TestHost(MEMORY_BYTES);
  readonly memory = this.#host.memory;
  readonly device: IdpfDevice;
  readonly interrupts = this.#host.interrupts;
  #asked = 0;
  #received = 0;

  constructor() {
    this.device = new IdpfDevice(this.#host);
    this.write(PF_FW_ATQBAL, QUESTIONS);
    this.write(PF_FW_ATQLEN, PF_FW_ATQLEN_ATQENABLE_M + ENTRIES);
    this.write(PF_FW_ARQBAL, ANSWERS);
    this.write(PF_FW_ARQLEN, PF_FW_ARQLEN_ARQENABLE_M + ENTRIES);
    for (let i = 0; i < ENTRIES; i++) this.#offer(i);
    this.write(PF_FW_ARQT, ENTRIES - 1);
  }

  write(register: number, value: number): void {
    const data = Buffer.alloc(4);
    data.writeUInt32LE(value >>> 0);
    this.device.writeBar(0, register, data);
  }

  read(register: number): number {
    return this.device.readBar(0, register, 4).readUInt32LE(0);
  }

  enableVector(vector: number): void {
    this.write(PF_GLINT_BASE + vector * VECTOR_SPACING, PF_GLINT_DYN_CTL_INTENA_M);
  }

  /** Sends a message, and gives all that came since the last look. */
  ask(opcode: number, message: Buffer, cookie = 7): readonly Received[] {
    this.memory.write(QUESTION, message);
    const descriptor = Buffer.alloc(DESCRIPTOR_BYTES);
    descriptor.writeUInt16LE(SEND_TO_CONTROL_PLANE, 2);
    descriptor.writeUInt16LE(message.length, 4);
    descriptor.writeUInt32LE(opcode, 8);
    descriptor.writeUInt16LE(cookie, 20);
    descriptor.writeUInt32LE(QUESTION, 28);
    this.memory.write(QUESTIONS + this.#asked * DESCRIPTOR_BYTES, descriptor);
    this.#asked = (this.#asked + 1) % ENTRIES;
    this.write(PF_FW_ATQT, this.#asked);
    return [...this.#takeAll()];
  }

  /** The answer to a message. */
  answer(opcode: number, message: Buffer): Received {
    const [answer] = this.ask(opcode, message).slice(-1);
    if (answer === undefined) throw new Error('no answer');
    return answer;
  }

  *#takeAll(): Generator<Received> {
    for (;;) {
      const index = this.#received;
      const descriptor = this.#bytes(ANSWERS + index * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES);
      if ((descriptor.readUInt16LE(0) & 1) === 0) return;
      yield {
        opcode: descriptor.readUInt32LE(8) & 0xfff_ffff,
        status: descriptor.readUInt32LE(12),
        cookie: descriptor.readUInt16LE(20),
        data: this.#bytes(ANSWER + index * 0x1000, descriptor.readUInt16LE(4)),
      };
      this.#offer(index);
      this.write(PF_FW_ARQT, index);
      this.#received = (index + 1) % ENTRIES;
    }
  }

  #offer(index: number): void {
    const descriptor = Buffer.alloc(DESCRIPTOR_BYTES);
    descriptor.writeUInt32LE(ANSWER + index * 0x1000, 28);
    this.memory.write(ANSWERS + index * DESCRIPTOR_BYTES, descriptor);
  }

  #bytes(address: number, length: number): Buffer {
    const bytes = this.memory.read(address, length);
    if (bytes === undefined) throw new Error(`no memory at ${address}`);
    return bytes;
  }
}
