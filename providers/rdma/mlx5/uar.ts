import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import {
  MLX5_IB_MMAP_NC_PAGE,
  mlx5_ib_alloc_ucontext_resp,
} from '../../../uapi/headers/rdma/mlx5-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { pageSize } from '../../../uapi/sys-memory.ts';
import { mapKey } from '../map-key.ts';
import { HOW_SHIFT, REGISTER } from './formats.ts';

/** MLX5_BFREGS_PER_UAR, of which users get two; a page of the context has one UAR, as was asked for. */
const REGISTERS_PER_PAGE = 4;
/** CQs are armed through the first. Source: cq.c, create_cq_user() */
const CQ_PAGE = 0;

/**
 * A doorbell register in a page of the device (UAR). The page is mapped without write combining, since a
 * doorbell is one store; so stores need not take turns between the halves of a register, as those that
 * copy whole requests do.
 * Source: main.c, uar_mmap(); qp.c, adjust_bfregn()
 */
export class Register {
  readonly #page: Mapping;
  readonly #at: number;

  private constructor(page: Mapping, at: number) {
    this.#page = page;
    this.#at = at;
  }

  /** @param index what the driver answered: bfreg_index */
  static ofQp(fd: number, contextAnswer: Buffer, index: number): CallOutcome<Register> {
    const place = (index % REGISTERS_PER_PAGE) * registerBytes(contextAnswer);
    return Register.#open(fd, Math.floor(index / REGISTERS_PER_PAGE), REGISTER.work + place);
  }

  static ofCqs(fd: number): CallOutcome<Register> {
    return Register.#open(fd, CQ_PAGE, REGISTER.cq);
  }

  static #open(fd: number, number: number, at: number): CallOutcome<Register> {
    const page = (MLX5_IB_MMAP_NC_PAGE << HOW_SHIFT) | number;
    const length = pageSize();
    const mapped = mapKey(fd, BigInt(page) * BigInt(length), length, 'a doorbell page');
    return mapped.ok ? { ok: true, value: new Register(mapped.value, at) } : mapped;
  }

  /** One store, after all earlier ones. @param value as it lies in memory */
  ring(value: bigint): void {
    this.#page.storeRegister64(this.#at, value);
  }

  close(): void {
    this.#page.unmap();
  }
}

/** 0 where the machine cannot combine writes: then there is but the first. */
function registerBytes(contextAnswer: Buffer): number {
  if (contextAnswer.length < mlx5_ib_alloc_ucontext_resp.size) return 0;
  return mlx5_ib_alloc_ucontext_resp.get(contextAnswer, 'bf_reg_size');
}
