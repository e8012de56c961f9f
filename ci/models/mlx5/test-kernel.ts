import * as h from './headers/ifc.ts';
import type { Pair } from './test-pair.ts';
import { ASYNC_EVENTS, PD, type Side } from './test-setup.ts';

/** Where lists of translations lie. */
const LIST = 0x60000;
const PAGE_SHIFT = 12;
const OCTOWORD = 16;
/** Of a request that changes keys: see key-changes.ts. */
const HAS_OFFSET = 16;
const OF_FREE = 32;
const OF_USED = 64;
const bits = (...all: readonly bigint[]) => all.reduce((sum, bit) => sum | (1n << bit), 0n);
const ENABLES = bits(0n, 1n, 6n, 7n, 13n, 17n, 18n, 19n, 20n, 21n, 29n);
const DISABLES = bits(7n, 29n);

export const READ = 1;
export const WRITE = 2;

export interface Fault {
  readonly subtype: number;
  readonly type: number;
  readonly token: number;
  readonly data: Buffer;
}

/** For unit tests: the driver's own part, which changes keys by a queue pair of its own and brings pages. */
export class Kernel {
  readonly #pair: Pair;
  readonly #side: Side;
  readonly #all: number;

  constructor(pair: Pair) {
    this.#pair = pair;
    const fields = { st: h.MLX5_QPC_ST_REG_UMR, rq_type: h.MLX5_ZERO_LEN_RQ, pd: 0 };
    this.#side = pair.queuePair(2, fields);
    pair.bringUp(this.#side, 0);
    this.#all = pair.key({
      ...{ access_mode_1_0: h.MLX5_MKC_ACCESS_MODE_PA, length64: 1, lr: 1 },
      pd: PD + 9,
    });
  }

  /** A key without memory, from the pool. */
  key(octowords: number, mode: number = h.MLX5_MKC_ACCESS_MODE_MTT): number {
    return this.#pair.key({
      ...{ free: 1, umr_en: 1, lr: 1, access_mode_1_0: mode, mkey_7_0: 0x11, pd: PD + 9 },
      translations_octword_size: octowords,
      log_page_size: PAGE_SHIFT,
    });
  }

  /** Gives a key memory that begins there; a length of 0 is that of all. */
  enable(key: number, start: number, length: number, list: Buffer, shift = PAGE_SHIFT): void {
    const context = h.mkc.make({
      ...{ lr: 1, lw: 1, rr: 1, rw: 1, a: 1, mkey_7_0: 0x11 },
      ...{ pd: PD, log_page_size: shift, length64: length === 0 ? 1 : 0 },
    });
    h.mkc.setBig(context, 'start_addr', BigInt(start));
    h.mkc.setBig(context, 'len', BigInt(length));
    this.#change(key, { flags: OF_FREE, mask: ENABLES, context, list });
  }

  /** New translations from an offset on, in bytes. */
  update(key: number, list: Buffer, at = 0): void {
    this.#change(key, { flags: OF_USED, mask: 0n, context: h.mkc.make(), list, at });
  }

  revoke(key: number): void {
    const context = h.mkc.make({ free: 1, pd: PD + 9 });
    this.#change(key, { flags: 0, mask: DISABLES, context });
  }

  faults(): readonly Fault[] {
    const all = this.#pair.machine.events(ASYNC_EVENTS);
    return all
      .filter(({ type }) => type === h.MLX5_EVENT_TYPE_PAGE_FAULT)
      .map(({ subtype, data }) => {
        const isQueues = subtype === h.MLX5_PFAULT_SUBTYPE_WQE;
        const token = data.readUInt32BE(isQueues ? 12 : 24) & 0xff_ffff;
        return { subtype, type: data.readUInt8(24), token, data };
      });
  }

  resume({ type, token }: Pick<Fault, 'type' | 'token'>, isError = false): boolean {
    const input = Buffer.alloc(16);
    const fields = { error: isError ? 1 : 0, page_fault_type: type, fault_token: token };
    h.trans_page_fault_info.make(fields).copy(input, 8);
    return this.#pair.machine.command(h.MLX5_CMD_OP_PAGE_FAULT_RESUME, input).ok;
  }

  /** Only what fails gives a completion. */
  #change(key: number, { flags, mask, context, list = Buffer.alloc(0), at }: Change): void {
    const body = Buffer.alloc(48 + h.mkc.sizeBytes + OCTOWORD);
    const offset = (at ?? 0) / OCTOWORD;
    body.writeUInt8(flags | (at === undefined ? 0 : HAS_OFFSET), 0);
    body.writeUInt16BE(list.length / OCTOWORD, 4);
    body.writeUInt16BE(offset % 2 ** 16, 6);
    body.writeBigUInt64BE(mask, 8);
    body.writeUInt32BE(Math.floor(offset / 2 ** 16), 16);
    context.copy(body, 48);
    body.writeUInt32BE(list.length, 112);
    body.writeUInt32BE(this.#all, 116);
    body.writeBigUInt64BE(BigInt(LIST), 120);
    this.#pair.machine.memory.write(LIST, list);
    this.#pair.post(this.#side, h.MLX5_OPCODE_UMR, body, { extra: key, isSilent: true });
  }
}

interface Change {
  readonly flags: number;
  readonly mask: bigint;
  readonly context: Buffer;
  readonly list?: Buffer;
  readonly at?: number;
}

/** Entries of pages, filled up to a whole row of them. @param rights READ and WRITE; 0 for a page that is not there */
export function pages(...all: readonly (readonly [address: number, rights: number])[]): Buffer {
  const list = Buffer.alloc(Math.ceil(all.length / 8) * 64);
  for (const [i, [address, rights]] of all.entries())
    list.writeBigUInt64BE(rights === 0 ? 0n : BigInt(address + rights), i * 8);
  return list;
}

/** Entries of parts of one size, by key and address. */
export function tables(...all: readonly (readonly [key: number, address: number])[]): Buffer {
  const list = Buffer.alloc(Math.ceil(all.length / 4) * 64);
  for (const [i, [key, address]] of all.entries()) {
    list.writeUInt32BE(key >>> 0, i * 16 + 4);
    list.writeBigUInt64BE(BigInt(address), i * 16 + 8);
  }
  return list;
}
