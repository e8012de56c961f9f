import type { ByteMemory } from '../pieces.ts';
import { must, mustFind } from '../refusal.ts';
import type { Call, Handler } from './command.ts';
import * as h from './headers/ifc.ts';
import { MEMIC_BYTES, MEMIC_START } from './limits.ts';

/** What alignments are multiples of. Source: drivers/infiniband/hw/mlx5/dm.h, MLX5_MEMIC_BASE_SIZE */
const UNIT_BYTES = 64;

/**
 * Memory of the device, in BAR 0: the driver looks for room, and asks for memory in a range of offsets. Where
 * in it is up to the device: here at the end, so that a driver is seen to look at the answer.
 * Source: drivers/infiniband/hw/mlx5/dm.c, mlx5_cmd_alloc_memic()
 */
export class DeviceMemory implements ByteMemory {
  readonly #bytes = Buffer.alloc(MEMIC_BYTES);
  /** Lengths by their offsets in the BAR. */
  readonly #taken = new Map<number, number>();

  get handlers(): readonly (readonly [number, Handler])[] {
    return [
      [h.MLX5_CMD_OP_ALLOC_MEMIC, (call) => this.#allocate(call)],
      [h.MLX5_CMD_OP_DEALLOC_MEMIC, (call) => this.#free(call)],
    ];
  }

  read(offset: number, count: number): Buffer {
    return Buffer.from(this.#bytes.subarray(offset - MEMIC_START, offset - MEMIC_START + count));
  }

  write(offset: number, data: Buffer): boolean {
    data.copy(this.#bytes, offset - MEMIC_START);
    return true;
  }

  #allocate({ input }: Call): Buffer {
    const from = Number(h.alloc_memic_in.big(input, 'range_start_addr'));
    const range = h.alloc_memic_in.get(input, 'range_size');
    const length = h.alloc_memic_in.get(input, 'memic_size');
    const isInside = from >= MEMIC_START && from + range <= MEMIC_START + MEMIC_BYTES;
    must(isInside, `${range} bytes at ${from} are not in the device's memory`);
    const alignment = UNIT_BYTES << h.alloc_memic_in.get(input, 'log_memic_addr_alignment');
    const start = Math.floor((from + range - length) / alignment) * alignment;
    must(
      start >= from,
      `no ${length} bytes in ${range} at ${from} begin at a multiple of ${alignment}`,
    );
    const isFree = [...this.#taken].every(
      ([at, size]) => at >= start + length || at + size <= start,
    );
    must(isFree, `${length} bytes at ${start} are taken`);
    this.#taken.set(start, length);
    const output = Buffer.alloc(h.alloc_memic_out.sizeBytes);
    h.alloc_memic_out.setBig(output, 'memic_start_addr', BigInt(start));
    return output;
  }

  /** What is given back is cleared, so that the next one does not see it. */
  #free({ input }: Call): undefined {
    const start = Number(h.dealloc_memic_in.big(input, 'memic_start_addr'));
    const length = mustFind(this.#taken.get(start), `memory at ${start}`);
    this.#bytes.fill(0, start - MEMIC_START, start - MEMIC_START + length);
    this.#taken.delete(start);
  }
}
