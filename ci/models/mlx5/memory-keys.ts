import { PageList, pagesOf } from '../page-list.ts';
import { answer, answerWith, type Call, type Entries, numberIn } from './command.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';
import { pagesIn } from './queue-pages.ts';

/** What of memory a queue pair names. */
export interface Span {
  readonly key: number;
  readonly address: bigint;
  readonly length: number;
}

const CONTEXT = 16;
/** The lowest byte of a key is whoever's who made it; the rest numbers it. */
const VARIANT_BITS = 8;
/** Source: include/linux/mlx5/device.h, struct mlx5_klm */
const KLM_BYTES = 16;
/** A key of any QP. */
export const ANY_QP = 0xff_ffff;

export type Right = 'lr' | 'lw' | 'rr' | 'rw' | 'a';

export const indexOf = (key: number): number => key >>> VARIANT_BITS;

/** Memory of other keys in a list. */
export function klmsIn(list: Buffer): readonly Span[] {
  return Array.from({ length: Math.floor(list.length / KLM_BYTES) }, (_, i) => ({
    length: list.readUInt32BE(i * KLM_BYTES),
    key: list.readUInt32BE(i * KLM_BYTES + 4),
    address: list.readBigUInt64BE(i * KLM_BYTES + 8),
  }));
}

/** A memory key. Requests change it too, by a mask that says what of its context. */
export class MemoryKey {
  /** As QUERY_MKEY answers. */
  readonly context: Buffer;
  /** Made to be given memory by requests; these alone are taken away again from afar. */
  readonly isChangeable: boolean;
  readonly #index: number;
  /** As the driver gave them: addresses of pages, or parts of other keys' memory. */
  #translations: Buffer;
  #pages: PageList | undefined;

  constructor(index: number, input: Buffer) {
    this.#index = index;
    this.context = Buffer.from(h.create_mkey_in.bytes(input, 'memory_key_mkey_entry'));
    this.isChangeable = this.isFree;
    this.#translations = Buffer.from(input.subarray(h.create_mkey_in.byteOf('klm_pas_mtt')));
  }

  get key(): number {
    const variant = h.mkc.get(this.context, 'mkey_7_0');
    return ((this.#index << VARIANT_BITS) | variant) >>> 0;
  }

  get isFree(): boolean {
    return h.mkc.get(this.context, 'free') === 1;
  }

  get pd(): number {
    return h.mkc.get(this.context, 'pd');
  }

  /** The one QP that it is for. */
  get qpn(): number {
    return h.mkc.get(this.context, 'qpn');
  }

  get start(): bigint {
    return h.mkc.big(this.context, 'start_addr');
  }

  /** The first address that it is reached by: of the device's memory the start is where in BAR 0 it lies. */
  get firstAddress(): bigint {
    return this.isOfDevice ? 0n : this.start;
  }

  get length(): bigint {
    const isAll = h.mkc.get(this.context, 'length64') === 1;
    return isAll ? 2n ** 64n : h.mkc.big(this.context, 'len');
  }

  /** Addresses stand for themselves. */
  get isPhysical(): boolean {
    return this.#mode === h.MLX5_MKC_ACCESS_MODE_PA;
  }

  /** Memory of the device itself. Source: mr.c, mlx5_ib_reg_dm_mr() */
  get isOfDevice(): boolean {
    return this.#mode === h.MLX5_MKC_ACCESS_MODE_MEMIC;
  }

  /** Memory of other keys, piece by piece; undefined where it has pages. */
  get parts(): readonly Span[] | undefined {
    if (this.#mode !== h.MLX5_MKC_ACCESS_MODE_KLMS) return undefined;
    return klmsIn(this.#translations);
  }

  get pages(): PageList {
    this.#pages ??= this.#readPages();
    return this.#pages;
  }

  allows(right: Right): boolean {
    return h.mkc.get(this.context, right) === 1;
  }

  /** @param at where in the list, in bytes */
  translate(list: Buffer, at: number): void {
    const all = Buffer.alloc(Math.max(this.#translations.length, at + list.length));
    this.#translations.copy(all);
    list.copy(all, at);
    this.#translations = all;
    this.forgetPages();
  }

  /** After a change of what the list is read by. */
  forgetPages(): void {
    this.#pages = undefined;
  }

  get #mode(): number {
    const high = h.mkc.get(this.context, 'access_mode_4_2');
    return (high << 2) | h.mkc.get(this.context, 'access_mode_1_0');
  }

  #readPages(): PageList {
    const shift = h.mkc.get(this.context, 'log_page_size');
    const count = pagesOf(this.start, Number(this.length), shift);
    return new PageList(pagesIn(this.#translations, count), shift, this.start);
  }
}

export function memoryKeys({ keys }: Objects): Entries {
  return [
    [
      h.MLX5_CMD_OP_CREATE_MKEY,
      ({ input }: Call) => answer(keys.add((index) => new MemoryKey(index, input))),
    ],
    [h.MLX5_CMD_OP_QUERY_MKEY, (call) => answerWith(keys.find(numberIn(call)).context, CONTEXT)],
    [h.MLX5_CMD_OP_DESTROY_MKEY, (call) => void keys.remove(numberIn(call))],
  ];
}
