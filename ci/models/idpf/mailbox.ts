import { widePart, widePlace } from '../bits.ts';
import type { Host } from '../vfio-user/device.ts';
import {
  PF_FW_ARQBAH,
  PF_FW_ARQBAL,
  PF_FW_ARQH,
  PF_FW_ARQLEN,
  PF_FW_ARQLEN_ARQENABLE_M,
  PF_FW_ARQLEN_ARQLEN_M,
  PF_FW_ARQT,
  PF_FW_ATQBAH,
  PF_FW_ATQBAL,
  PF_FW_ATQH,
  PF_FW_ATQLEN,
  PF_FW_ATQT,
  PF_FW_BASE,
} from './headers/idpf-lan-pf-regs.ts';

/** Descriptors of both queues. Source: include/linux/net/intel/libie/controlq.h, LIBIE_CTLQ_DESC_*. */
const DESCRIPTOR_BYTES = 32;
const DONE = 1n << 0n;
const HAS_ERROR = 1n << 2n;
const HAS_BUFFER = 1n << 12n;
const INFRA_OPCODE = 0xffff_0000n;
const DATA_LENGTH = 0xffff_0000_0000n;
const OPCODE = 0x0fff_ffffn;
const RETURN_VALUE = 0xffff_ffff_0000_0000n;
const COOKIE = 0xffff_0000_0000n;
const BUFFER_BYTES = 4096;

const SEND_TO_CONTROL_PLANE = 0x801;
/** What the other direction is called, the driver does not look at: a guess. */
const SENT_BY_CONTROL_PLANE = 0x802;
const REGISTERS_END = PF_FW_ATQT + 4;

/** Takes a message and gives the answer. @throws Refusal */
export type MessageHandler = (opcode: number, message: Buffer) => Buffer;

interface Outgoing {
  readonly opcode: number;
  readonly status: number;
  readonly cookie: number;
  readonly data: Buffer;
}

/**
 * The queues through which the driver asks the control plane and is answered. A message that is refused
 * is answered with itself and a status that is not 0; which one, the driver does not look at.
 * Source: drivers/net/ethernet/intel/libie/controlq.c
 */
export class Mailbox {
  readonly #host: Host;
  readonly #handle: MessageHandler;
  readonly #onAnswer: () => void;
  readonly #registers = new Map<number, number>();

  constructor(host: Host, handle: MessageHandler, onAnswer: () => void) {
    this.#host = host;
    this.#handle = handle;
    this.#onAnswer = onAnswer;
  }

  static has(offset: number): boolean {
    return offset >= PF_FW_BASE && offset < REGISTERS_END;
  }

  /** A length of 0 tells the driver that the device was reset (idpf.h, idpf_is_reset_detected()). */
  read(offset: number): number {
    return this.#registers.get(offset) ?? 0;
  }

  write(offset: number, value: number): void {
    this.#registers.set(offset, value);
    if (offset === PF_FW_ATQT) this.#takeAll();
  }

  reset(): void {
    this.#registers.clear();
  }

  /** What nobody asked for. */
  tell(opcode: number, data: Buffer): void {
    this.#post({ opcode, status: 0, cookie: 0, data });
  }

  #takeAll(): void {
    const length = this.#length(PF_FW_ATQLEN);
    if (length === 0) return;
    while (this.read(PF_FW_ATQH) !== this.read(PF_FW_ATQT) % length) {
      const head = this.read(PF_FW_ATQH);
      this.#registers.set(PF_FW_ATQH, (head + 1) % length);
      this.#takeOne(this.#base(PF_FW_ATQBAL, PF_FW_ATQBAH) + head * DESCRIPTOR_BYTES);
    }
  }

  #takeOne(at: number): void {
    const descriptor = this.#host.memory.read(at, DESCRIPTOR_BYTES);
    if (descriptor === undefined) {
      this.#host.say('a descriptor of the mailbox cannot be reached');
      return;
    }
    const [flags, kind, parameters, place] = words(descriptor);
    const data = this.#host.memory.read(address(place), widePart(flags, DATA_LENGTH));
    const isFine = widePart(flags, INFRA_OPCODE) === SEND_TO_CONTROL_PLANE && data !== undefined;
    descriptor.writeBigUInt64LE(flags | DONE | (isFine ? 0n : HAS_ERROR), 0);
    this.#host.memory.publish(at, descriptor);
    if (!isFine) return;
    const opcode = widePart(kind, OPCODE);
    this.#post({ opcode, cookie: widePart(parameters, COOKIE), ...this.#answer(opcode, data) });
  }

  #answer(opcode: number, message: Buffer): { readonly status: number; readonly data: Buffer } {
    try {
      return { status: 0, data: this.#handle(opcode, message) };
    } catch (error) {
      this.#host.say(`message ${opcode} is refused: ${error}`);
      return { status: 1, data: message };
    }
  }

  #post({ opcode, status, cookie, data }: Outgoing): void {
    const length = this.#length(PF_FW_ARQLEN);
    const head = this.read(PF_FW_ARQH);
    if (length === 0 || head === this.read(PF_FW_ARQT) || data.length > BUFFER_BYTES) {
      this.#host.say(`no room for message ${opcode} of ${data.length} bytes`);
      return;
    }
    const at = this.#base(PF_FW_ARQBAL, PF_FW_ARQBAH) + head * DESCRIPTOR_BYTES;
    const descriptor = this.#host.memory.read(at, DESCRIPTOR_BYTES);
    if (descriptor === undefined) return;
    this.#registers.set(PF_FW_ARQH, (head + 1) % length);
    const [, , , place] = words(descriptor);
    this.#host.memory.write(address(place), data);
    const flags = DONE | (data.length > 0 ? HAS_BUFFER : 0n);
    descriptor.writeBigUInt64LE(
      flags | widePlace(SENT_BY_CONTROL_PLANE, INFRA_OPCODE) | widePlace(data.length, DATA_LENGTH),
      0,
    );
    descriptor.writeBigUInt64LE(widePlace(opcode, OPCODE) | widePlace(status, RETURN_VALUE), 8);
    descriptor.writeBigUInt64LE(widePlace(cookie, COOKIE), 16);
    this.#host.memory.publish(at, descriptor);
    this.#onAnswer();
  }

  /** In descriptors; 0 while the queue is off. Both length registers are alike but for bits nobody sets. */
  #length(register: number): number {
    const value = this.read(register);
    return (value & PF_FW_ARQLEN_ARQENABLE_M) === 0 ? 0 : value & PF_FW_ARQLEN_ARQLEN_M;
  }

  #base(low: number, high: number): number {
    return this.read(high) * 2 ** 32 + this.read(low);
  }
}

function words(descriptor: Buffer): readonly [bigint, bigint, bigint, bigint] {
  return [
    descriptor.readBigUInt64LE(0),
    descriptor.readBigUInt64LE(8),
    descriptor.readBigUInt64LE(16),
    descriptor.readBigUInt64LE(24),
  ];
}

/** Its upper half comes first. */
function address(place: bigint): number {
  return Number(((place & 0xffff_ffffn) << 32n) | (place >> 32n));
}
