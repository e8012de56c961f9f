import type { CallFacts } from './call-record.ts';
import type { Errno } from './errno.ts';
import { asBuffer } from './format-bytes.ts';

const MAGIC = 0x676f6c75;
const BYTES_KEPT = 256;
const MAX_ARGS = 6;
const MAX_NAMES = 512;
/** Bytes of one name, its NUL included; longer names are cut. */
const NAME_BYTES = 64;

// Cells of the header, eight bytes each.
const HEADER_CELLS = 4;
const CELL_MAGIC = 0;
const CELL_CAPACITY = 1;
const CELL_SEQUENCE = 2;
const CELL_NAMES = 3;

/** Bytes per slot in columns of eight-byte cells (sequence, ret, start, end, args) … */
const WIDE_BYTES = 8 * (4 + MAX_ARGS);
/** … and of four-byte cells (name, request, fd, errno, restarts, args, in size, out size). */
const NARROW_BYTES = 4 * 8;

/**
 * The ring of a CallLog in one block of memory: a header, one column per fact, the bytes, the
 * names. The same bytes mean the same in another process, so a killed worker's ring can be read.
 */
export class LogMemory {
  static readonly bytesKept = BYTES_KEPT;
  readonly capacity: number;
  readonly #header: Float64Array;
  readonly #sequence: Float64Array;
  readonly #ret: Float64Array;
  readonly #startNs: BigInt64Array;
  /** 0 while the call is in flight. */
  readonly #endNs: BigInt64Array;
  readonly #args: BigInt64Array;
  readonly #name: Int32Array;
  readonly #request: Uint32Array;
  readonly #fd: Int32Array;
  readonly #errno: Int32Array;
  readonly #restarts: Uint32Array;
  readonly #argCount: Uint32Array;
  readonly #inputSize: Uint32Array;
  readonly #outputSize: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #names: Uint8Array;

  private constructor(memory: ArrayBuffer, capacity: number) {
    this.capacity = capacity;
    let at = 0;
    const take = (bytes: number): number => {
      const start = at;
      at += bytes;
      return start;
    };
    const wide = (count: number): number => take(8 * count);
    const narrow = (): number => take(4 * capacity);
    this.#header = new Float64Array(memory, wide(HEADER_CELLS), HEADER_CELLS);
    this.#sequence = new Float64Array(memory, wide(capacity), capacity);
    this.#ret = new Float64Array(memory, wide(capacity), capacity);
    this.#startNs = new BigInt64Array(memory, wide(capacity), capacity);
    this.#endNs = new BigInt64Array(memory, wide(capacity), capacity);
    this.#args = new BigInt64Array(memory, wide(capacity * MAX_ARGS), capacity * MAX_ARGS);
    this.#name = new Int32Array(memory, narrow(), capacity);
    this.#request = new Uint32Array(memory, narrow(), capacity);
    this.#fd = new Int32Array(memory, narrow(), capacity);
    this.#errno = new Int32Array(memory, narrow(), capacity);
    this.#restarts = new Uint32Array(memory, narrow(), capacity);
    this.#argCount = new Uint32Array(memory, narrow(), capacity);
    this.#inputSize = new Uint32Array(memory, narrow(), capacity);
    this.#outputSize = new Uint32Array(memory, narrow(), capacity);
    const bytes = capacity * BYTES_KEPT * 2;
    this.#bytes = new Uint8Array(memory, take(bytes), bytes);
    this.#names = new Uint8Array(memory, take(MAX_NAMES * NAME_BYTES), MAX_NAMES * NAME_BYTES);
  }

  static sizeBytes(capacity: number): number {
    const perSlot = WIDE_BYTES + NARROW_BYTES + BYTES_KEPT * 2;
    return HEADER_CELLS * 8 + capacity * perSlot + MAX_NAMES * NAME_BYTES;
  }

  static create(capacity: number, memory?: ArrayBuffer): LogMemory {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(`a call log holds 1 or more calls, not ${capacity}`);
    }
    const log = new LogMemory(memory ?? new ArrayBuffer(LogMemory.sizeBytes(capacity)), capacity);
    log.#header.set([MAGIC, capacity, 0, 0]);
    return log;
  }

  static open(memory: ArrayBuffer): LogMemory {
    const header = new Float64Array(memory, 0, HEADER_CELLS);
    const capacity = header[CELL_CAPACITY] ?? 0;
    if (header[CELL_MAGIC] !== MAGIC || memory.byteLength < LogMemory.sizeBytes(capacity)) {
      throw new Error('the memory holds no call log');
    }
    return new LogMemory(memory, capacity);
  }

  /** Gives a name its number. When the table is full, all further names share the last number. */
  addName(name: string): number {
    const id = Math.min(this.#header[CELL_NAMES] ?? 0, MAX_NAMES - 1);
    const start = id * NAME_BYTES;
    const place = this.#names.subarray(start, start + NAME_BYTES - 1).fill(0);
    new TextEncoder().encodeInto(name, place);
    this.#header[CELL_NAMES] = id + 1;
    return id;
  }

  begin(
    id: number,
    request: number,
    fd: number,
    input: Uint8Array | bigint | null,
    args: readonly (number | bigint)[],
  ): number {
    const sequence = (this.#header[CELL_SEQUENCE] ?? 0) + 1;
    const slot = (sequence - 1) % this.capacity;
    this.#sequence[slot] = sequence;
    this.#endNs[slot] = 0n;
    this.#name[slot] = id;
    this.#request[slot] = request;
    this.#fd[slot] = fd;
    this.#outputSize[slot] = 0;
    this.#inputSize[slot] = 0;
    this.#argCount[slot] = args.length === 0 ? 0 : this.#putArgs(slot, args);
    if (typeof input === 'bigint') this.#argCount[slot] = this.#putArgs(slot, [input, ...args]);
    else if (input !== null) {
      this.#inputSize[slot] = input.length;
      this.#putBytes(slot * 2 * BYTES_KEPT, input);
    }
    this.#header[CELL_SEQUENCE] = sequence;
    this.#startNs[slot] = process.hrtime.bigint();
    return slot;
  }

  end(slot: number, ret: number, errno: Errno, output: Uint8Array, restarts: number): void {
    this.#endNs[slot] = process.hrtime.bigint();
    this.#ret[slot] = ret;
    this.#errno[slot] = errno;
    this.#restarts[slot] = restarts;
    this.#outputSize[slot] = output.length;
    this.#putBytes((slot * 2 + 1) * BYTES_KEPT, output);
  }

  /** Slots in use, oldest call first. */
  liveSlots(): number[] {
    const newest = this.#header[CELL_SEQUENCE] ?? 0;
    const slots: number[] = [];
    for (let sequence = Math.max(1, newest - this.capacity + 1); sequence <= newest; sequence++) {
      const slot = (sequence - 1) % this.capacity;
      if (this.#sequence[slot] === sequence) slots.push(slot);
    }
    return slots;
  }

  clear(): void {
    this.#sequence.fill(0);
  }

  /** A copy of everything known of one call. */
  factsAt(slot: number): CallFacts {
    const startNs = this.#startNs[slot] ?? 0n;
    const endNs = this.#endNs[slot] ?? 0n;
    const done = endNs !== 0n;
    const inputSize = this.#inputSize[slot] ?? 0;
    const outputSize = this.#outputSize[slot] ?? 0;
    const args = slot * MAX_ARGS;
    return {
      sequence: this.#sequence[slot] ?? 0,
      command: this.#nameOf(this.#name[slot] ?? 0),
      request: this.#request[slot] ?? 0,
      fd: this.#fd[slot] ?? -1,
      args: [...this.#args.subarray(args, args + (this.#argCount[slot] ?? 0))],
      state: done ? 'done' : 'in flight',
      ret: done ? (this.#ret[slot] ?? 0) : 0,
      errno: done ? (this.#errno[slot] ?? 0) : 0,
      restarts: done ? (this.#restarts[slot] ?? 0) : 0,
      startNs,
      durationNs: done ? Number(endNs - startNs) : 0,
      input: this.#copyBytes(slot * 2 * BYTES_KEPT, inputSize),
      output: this.#copyBytes((slot * 2 + 1) * BYTES_KEPT, outputSize),
      inputSize,
      outputSize,
    };
  }

  #putArgs(slot: number, args: readonly (number | bigint)[]): number {
    const count = Math.min(args.length, MAX_ARGS);
    for (let i = 0; i < count; i++) this.#args[slot * MAX_ARGS + i] = BigInt(args[i] ?? 0);
    return count;
  }

  #putBytes(at: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#bytes.set(bytes.length <= BYTES_KEPT ? bytes : bytes.subarray(0, BYTES_KEPT), at);
  }

  #copyBytes(at: number, size: number): Buffer {
    return asBuffer(this.#bytes.slice(at, at + Math.min(size, BYTES_KEPT)));
  }

  #nameOf(id: number): string {
    const name = this.#names.subarray(id * NAME_BYTES, (id + 1) * NAME_BYTES);
    return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
  }
}
