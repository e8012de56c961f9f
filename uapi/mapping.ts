import koffi from 'koffi';
import { PROT_READ, PROT_WRITE } from './constants.ts';
import { mustGive, type Outcome, type SysResult } from './sys-call.ts';
import { describeMmap, type MmapRequest, tryMmap, tryMprotect, tryMunmap } from './sys-memory.ts';

/** A use of a mapping that would have touched memory that is not there or not allowed. */
export class MappingError extends Error {
  override name = 'MappingError';
}

export interface MappingRequest extends MmapRequest {
  readonly length: number;
}

/** Bytes compared at a time when looking for the first difference. */
const COMPARE_STEP = 4096;

/**
 * Where Atomics.store is an exchange with memory: of a device's register that would be a read, too, and a
 * lock of the bus, which PCI Express devices need not answer. Source: V8, x64/instruction-selector-x64.cc
 */
const STORES_EXCHANGE = process.arch === 'x64';
/** Nobody's: an operation on it has all earlier stores done before it, also those that are combined. */
const barrier = new Int32Array(1);

/**
 * Owns the result of one mmap(2).
 *
 * Every access is checked against the bounds, the protection and unmap(), because a wild one would
 * be a SIGSEGV of the worker. The kernel can still take pages away (a truncated file, a device
 * gone), which is SIGBUS. Offsets and lengths are bytes from the start of the mapping; integers are
 * in the machine's order, little-endian.
 */
export class Mapping implements Disposable {
  readonly address: bigint;
  readonly length: number;
  #prot: number;
  #mapped = true;
  /** Made once: it costs more than an access through it, and Node 20 cannot detach it. */
  readonly #view: Buffer;
  readonly #words: DataView;
  #wholeWords: Uint32Array | undefined;
  #wholeWords64: BigUint64Array | undefined;

  private constructor(address: bigint, length: number, prot: number) {
    this.address = address;
    this.length = length;
    this.#prot = prot;
    const view = koffi.view(address, length);
    this.#view = Buffer.from(view);
    this.#words = new DataView(view);
  }

  /** mmap(2) with the errno as data. The fd may be closed afterwards. */
  static tryMap(request: MappingRequest): Outcome<Mapping> {
    const { address, errno } = tryMmap(request);
    if (errno !== 0) return { ok: false, errno };
    const prot = request.prot ?? PROT_READ | PROT_WRITE;
    try {
      return { ok: true, value: new Mapping(address, request.length, prot) };
    } catch (error) {
      // Longer than the engine lets a buffer be.
      tryMunmap(address, request.length);
      throw error;
    }
  }

  /** mmap(2); throws UapiError. */
  static map(request: MappingRequest): Mapping {
    const { fd } = request;
    const text = { call: 'mmap', argument: () => describeMmap(request), ...(fd >= 0 && { fd }) };
    return mustGive(Mapping.tryMap(request), text);
  }

  get isMapped(): boolean {
    return this.#mapped;
  }

  /** The protection that the mapping has now. */
  get prot(): number {
    return this.#prot;
  }

  /** A copy of `length` bytes. */
  read(offset = 0, length = this.length - offset): Buffer {
    this.#check(offset, length, PROT_READ, 'read');
    const copy = Buffer.alloc(length);
    this.#view.copy(copy, 0, offset, offset + length);
    return copy;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#check(offset, bytes.length, PROT_WRITE, 'write');
    this.#view.set(bytes, offset);
  }

  /** One byte a character, those up to U+00FF. */
  writeText(offset: number, text: string): void {
    this.#check(offset, text.length, PROT_WRITE, 'write');
    this.#view.write(text, offset, 'latin1');
  }

  fill(offset: number, length: number, byte: number): void {
    this.#check(offset, length, PROT_WRITE, 'write');
    this.#view.fill(byte, offset, offset + length);
  }

  /** The index in `expected` of the first byte that differs from memory at `offset`, or -1. */
  compare(offset: number, expected: Uint8Array): number {
    this.#check(offset, expected.length, PROT_READ, 'read');
    for (let done = 0; done < expected.length; done += COMPARE_STEP) {
      const want = expected.subarray(done, done + COMPARE_STEP);
      const start = offset + done;
      // Copied before it is judged: a device that writes meanwhile must not hide the difference.
      const got = Buffer.from(this.#view.subarray(start, start + want.length));
      if (got.equals(want)) continue;
      return done + got.findIndex((byte, i) => byte !== want[i]);
    }
    return -1;
  }

  readU8(offset: number): number {
    this.#check(offset, 1, PROT_READ, 'read');
    return this.#words.getUint8(offset);
  }

  writeU8(offset: number, value: number): void {
    this.#check(offset, 1, PROT_WRITE, 'write');
    this.#words.setUint8(offset, value);
  }

  readU32(offset: number): number {
    this.#check(offset, 4, PROT_READ, 'read');
    return this.#words.getUint32(offset, true);
  }

  writeU32(offset: number, value: number): void {
    this.#check(offset, 4, PROT_WRITE, 'write');
    this.#words.setUint32(offset, value, true);
  }

  readU64(offset: number): bigint {
    this.#check(offset, 8, PROT_READ, 'read');
    return this.#words.getBigUint64(offset, true);
  }

  writeU64(offset: number, value: bigint): void {
    this.#check(offset, 8, PROT_WRITE, 'write');
    this.#words.setBigUint64(offset, value, true);
  }

  /**
   * Reads a word that another party writes, at a multiple of 4: no later read of this process sees
   * older memory than that party had written before the word.
   */
  loadAtomic32(offset: number): number {
    this.#check(offset, 4, PROT_READ, 'read');
    return Atomics.load(this.#atomicWords(offset), offset >>> 2);
  }

  /** Writes a word that another party reads, at a multiple of 4, after all earlier writes. */
  storeAtomic32(offset: number, value: number): void {
    this.#check(offset, 4, PROT_WRITE, 'write');
    Atomics.store(this.#atomicWords(offset), offset >>> 2, value);
  }

  /** The same with 64 bits, which go in one store: at a multiple of 8. */
  storeAtomic64(offset: number, value: bigint): void {
    this.#check(offset, 8, PROT_WRITE, 'write');
    Atomics.store(this.#atomicWords64(offset), offset >>> 3, value);
  }

  /** Writes a register of a device, at a multiple of 4: one plain store, after all earlier writes. */
  storeRegister32(offset: number, value: number): void {
    this.#check(offset, 4, PROT_WRITE, 'write');
    const words = this.#atomicWords(offset);
    if (!STORES_EXCHANGE) Atomics.store(words, offset >>> 2, value);
    else {
      Atomics.add(barrier, 0, 1);
      words[offset >>> 2] = value;
    }
  }

  /** The same with 64 bits, which go in one store: at a multiple of 8. */
  storeRegister64(offset: number, value: bigint): void {
    this.#check(offset, 8, PROT_WRITE, 'write');
    const words = this.#atomicWords64(offset);
    if (!STORES_EXCHANGE) Atomics.store(words, offset >>> 3, value);
    else {
      Atomics.add(barrier, 0, 1);
      words[offset >>> 3] = value;
    }
  }

  /** mprotect(2) on the whole mapping. */
  protect(prot: number): SysResult {
    this.#check(0, 0, 0, 'protect');
    const result = tryMprotect(this.address, this.length, prot);
    if (result.errno === 0) this.#prot = prot;
    return result;
  }

  /**
   * Touches one byte with no check at all: beyond the end, against the protection, after unmap.
   * For cases that provoke a fault, in a worker that may die of SIGSEGV or SIGBUS; after unmap the
   * address may also belong to somebody else, who is then corrupted.
   *
   * @returns the byte read, or the byte written
   */
  rawTouch(offset: number, how: 'read' | 'write', byte = 0): number {
    const address = this.address + BigInt(offset);
    if (how === 'read') return koffi.decode.uint8(address);
    koffi.encode(address, 'uint8', byte);
    return byte;
  }

  /** munmap(2); again does nothing and succeeds. */
  unmap(): SysResult {
    if (!this.#mapped) return { ret: 0, errno: 0 };
    this.#mapped = false;
    return tryMunmap(this.address, this.length);
  }

  [Symbol.dispose](): void {
    this.unmap();
  }

  #atomicWords64(offset: number): BigUint64Array {
    if ((offset & 7) !== 0) throw new MappingError(`${offset} in ${this.#name()} is no word of 64`);
    this.#wholeWords64 ??= new BigUint64Array(this.#view.buffer, 0, this.length >>> 3);
    return this.#wholeWords64;
  }

  #atomicWords(offset: number): Uint32Array {
    if ((offset & 3) !== 0) throw new MappingError(`${offset} in ${this.#name()} is no word`);
    this.#wholeWords ??= new Uint32Array(this.#view.buffer, 0, this.length >>> 2);
    return this.#wholeWords;
  }

  #check(offset: number, length: number, needed: number, how: string): void {
    if (!this.#mapped) throw new MappingError(`${how} of ${this.#name()} after unmap`);
    const inside =
      Number.isInteger(offset) && Number.isInteger(length) && offset >= 0 && length >= 0;
    if (!inside || offset + length > this.length) {
      throw new MappingError(`${how} at ${offset}, ${length} bytes, is outside ${this.#name()}`);
    }
    if ((this.#prot & needed) !== needed) {
      throw new MappingError(`${how} of ${this.#name()}, whose protection is ${this.#prot}`);
    }
  }

  #name(): string {
    return `the mapping of ${this.length} bytes at 0x${this.address.toString(16)}`;
  }
}
