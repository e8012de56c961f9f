import { POINTER_BYTES } from '../page-list.ts';
import { answer, type Call, type Entries, numberIn } from './command.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';
import { PAGE_ADDRESS_MASK } from './queue-pages.ts';
import { Translations } from './translations.ts';

/** What of memory a queue pair names. */
export interface Span {
  readonly key: number;
  readonly address: bigint;
  readonly length: number;
}

const CONTEXT = 16;
/** In which tables of translations are counted, and whole rows of which they have. Source: umr.h, MLX5_IB_UMR_XLT_ALIGNMENT */
export const OCTOWORD_BYTES = 16;
const ROW_BYTES = 64;
/** The lowest byte of a key is whoever's who made it; the rest numbers it. */
const VARIANT_BITS = 8;
/** Source: include/linux/mlx5/device.h, struct mlx5_klm and mlx5_ksm, whose first word is none */
const KLM_BYTES = 16;
/** Of a page's address, where the list says so. Source: drivers/infiniband/hw/mlx5/mlx5_ib.h, MLX5_IB_MTT_READ */
const MAY_READ = 1n;
const MAY_WRITE = 2n;
/** A key of any QP. */
export const ANY_QP = 0xff_ffff;

export type Right = 'lr' | 'lw' | 'rr' | 'rw' | 'a';

export const indexOf = (key: number): number => key >>> VARIANT_BITS;

/** Memory of other keys in a list. */
export function klmsIn(list: Buffer): readonly Span[] {
  return Array.from({ length: Math.floor(list.length / KLM_BYTES) }, (_, i) =>
    spanAt(list, i * KLM_BYTES),
  );
}

/** Pieces of requests are as those of lists. Source: include/linux/mlx5/qp.h, struct mlx5_wqe_data_seg */
export function spanAt(bytes: Buffer, at: number): Span {
  return {
    length: bytes.readUInt32BE(at),
    key: bytes.readUInt32BE(at + 4),
    address: bytes.readBigUInt64BE(at + 8),
  };
}

/** A piece of a page. */
export interface PagePart {
  /** Undefined where nothing says what page it is. */
  readonly address: number | undefined;
  readonly length: number;
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
}

/** A memory key. Requests change it too, by a mask that says what of its context. */
export class MemoryKey {
  readonly context: Buffer;
  readonly #index: number;
  /** As the driver gave them: addresses of pages, or parts of other keys' memory. */
  readonly #translations: Translations;
  /** Whether each page says what it may be used for. */
  #hasPageRights: boolean;

  constructor(index: number, input: Buffer) {
    this.#index = index;
    this.context = Buffer.from(h.create_mkey_in.bytes(input, 'memory_key_mkey_entry'));
    this.#hasPageRights = h.create_mkey_in.get(input, 'pg_access') === 1;
    const list = input.subarray(h.create_mkey_in.byteOf('klm_pas_mtt'));
    const octowords = h.mkc.get(this.context, 'translations_octword_size');
    const bytes = Math.max(octowords * OCTOWORD_BYTES, list.length);
    this.#translations = new Translations(Math.ceil(bytes / ROW_BYTES) * ROW_BYTES);
    this.#translations.write(0, list);
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

  /** Its memory is that of other keys, in pieces as long as each says, or all of one size. */
  get isIndirect(): boolean {
    return this.isList || this.isTable;
  }

  get isList(): boolean {
    return this.#mode === h.MLX5_MKC_ACCESS_MODE_KLMS;
  }

  get isTable(): boolean {
    return this.#mode === h.MLX5_MKC_ACCESS_MODE_KSM;
  }

  allows(right: Right): boolean {
    return h.mkc.get(this.context, right) === 1;
  }

  /**
   * New translations. Whoever brings them later than with the command says of each page what it may be used for.
   *
   * @param at where in the table, in bytes
   * @returns whether there is room
   */
  translate(list: Buffer, at: number): boolean {
    this.#hasPageRights = true;
    return this.#translations.write(at, list);
  }

  /** What QUERY_MKEY answers: the table is where the driver has room for it. */
  answer(outputBytes: number): Buffer {
    const table = h.query_mkey_out.byteOf('bsf0_klm0_pas_mtt0_1');
    const output = Buffer.alloc(Math.max(table, outputBytes));
    this.context.copy(output, CONTEXT);
    this.#translations.head(output.length - table).copy(output, table);
    return output;
  }

  /** The pages that a part of it lies in. */
  *pages(offset: number, length: number): Generator<PagePart> {
    for (const { index, skip, count } of this.#entities(offset, length)) {
      const entry = this.#translations.entry(index, POINTER_BYTES)?.readBigUInt64BE(0);
      const isMarked = entry !== undefined && this.#hasPageRights;
      yield {
        address: entry === undefined ? undefined : Number(entry & PAGE_ADDRESS_MASK) + skip,
        length: count,
        mayRead: !isMarked || (entry & MAY_READ) !== 0n,
        mayWrite: !isMarked || (entry & MAY_WRITE) !== 0n,
      };
    }
  }

  /** The memory of other keys that a part of it is; less where there is no more. */
  *parts(offset: number, length: number): Generator<Span> {
    if (this.isTable) {
      for (const { index, skip, count } of this.#entities(offset, length)) {
        const entry = this.#translations.entry(index, KLM_BYTES);
        if (entry === undefined) return;
        const { key, address } = spanAt(entry, 0);
        yield { key, address: address + BigInt(skip), length: count };
      }
      return;
    }
    let skip = offset;
    let left = length;
    for (const part of klmsIn(this.#translations.head(Number.POSITIVE_INFINITY))) {
      const count = Math.min(left, Math.max(0, part.length - skip));
      if (count > 0) yield { key: part.key, address: part.address + BigInt(skip), length: count };
      skip = Math.max(0, skip - part.length);
      left -= count;
    }
  }

  /** Entries of one size, the first of which may begin before the memory does. */
  *#entities(offset: number, length: number) {
    const shift = h.mkc.get(this.context, 'log_page_size');
    const bytes = 2 ** shift;
    let at = Number(BigInt.asUintN(shift, this.start)) + offset;
    for (let left = length; left > 0; ) {
      const skip = at % bytes;
      const count = Math.min(left, bytes - skip);
      yield { index: Math.floor(at / bytes), skip, count };
      at += count;
      left -= count;
    }
  }

  get #mode(): number {
    const high = h.mkc.get(this.context, 'access_mode_4_2');
    return (high << 2) | h.mkc.get(this.context, 'access_mode_1_0');
  }
}

export function memoryKeys({ keys }: Objects): Entries {
  return [
    [
      h.MLX5_CMD_OP_CREATE_MKEY,
      ({ input }: Call) => answer(keys.add((index) => new MemoryKey(index, input))),
    ],
    [h.MLX5_CMD_OP_QUERY_MKEY, (call) => keys.find(numberIn(call)).answer(call.outputBytes)],
    [h.MLX5_CMD_OP_DESTROY_MKEY, (call) => void keys.remove(numberIn(call))],
  ];
}
