import { type Piece, readPieces, writePieces } from '../pieces.ts';
import type { Host } from '../vfio-user/device.ts';
import { NULL_MKEY } from './limits.ts';
import { ANY_QP, indexOf, type MemoryKey, type Right, type Span } from './memory-keys.ts';
import type { Objects } from './objects.ts';
import { ReachedMemory } from './reached-memory.ts';

/** Data that is in a request itself, or where it is. */
export type Data = Buffer | Span;

/** Whose access it is. */
export interface Accessor {
  /** Undefined where it is of none, and no key of another. */
  readonly pd: number | undefined;
  readonly number: number;
}

/** Memory that is somebody's, but without pages at the moment. */
export class Absent {}
const ABSENT = new Absent();

/** Undefined where there is no such memory, or not for that. */
type Found<T> = T | Absent | undefined;

/** Keys whose memory is that of others may be so again. Source: max_indirection of the capabilities */
const MOST_INDIRECTIONS = 4;

/** Memory by key and address, with the checks that a key is for. */
export class KeyedMemory {
  readonly #memory: ReachedMemory;
  readonly #objects: Objects;

  constructor(host: Host, objects: Objects) {
    this.#memory = new ReachedMemory(host, objects);
    this.#objects = objects;
  }

  /** @returns false where some may not be had */
  canReach(who: Accessor, data: readonly Data[], right: Right): boolean | Absent {
    for (const one of data) {
      const pieces = Buffer.isBuffer(one) ? [] : this.#pieces(who, one, right);
      if (pieces === undefined) return false;
      if (pieces instanceof Absent) return pieces;
    }
    return true;
  }

  /** All bytes in a row. */
  gather(who: Accessor, data: readonly Data[], right: Right): Found<Buffer> {
    const all: Buffer[] = [];
    for (const one of data) {
      const bytes = Buffer.isBuffer(one) ? one : this.#read(who, one, right);
      if (!Buffer.isBuffer(bytes)) return bytes;
      all.push(bytes);
    }
    return Buffer.concat(all);
  }

  /** Fills spans in their order; of those that are not needed nothing is looked at. */
  scatter(who: Accessor, spans: readonly Span[], bytes: Buffer, right: Right): boolean | Absent {
    const parts: { readonly pieces: readonly Piece[]; readonly bytes: Buffer }[] = [];
    let done = 0;
    for (const span of spans) {
      const part = bytes.subarray(done, done + span.length);
      const pieces = this.#pieces(who, { ...span, length: part.length }, right);
      if (pieces === undefined) return false;
      if (pieces instanceof Absent) return pieces;
      parts.push({ pieces, bytes: part });
      done += part.length;
    }
    if (done < bytes.length) return false;
    return parts.every((part) => writePieces(this.#memory, part.pieces, part.bytes));
  }

  #read(who: Accessor, span: Span, right: Right): Found<Buffer> {
    const pieces = this.#pieces(who, span, right);
    if (pieces === undefined || pieces instanceof Absent) return pieces;
    return readPieces(this.#memory, pieces);
  }

  /** Of no bytes nothing is checked, as in IB (C9-88): a key need not be there. */
  #pieces(who: Accessor, span: Span, right: Right, depth = 0): Found<readonly Piece[]> {
    const { key, address, length } = span;
    if (length === 0) return [];
    if (key === NULL_MKEY) return [{ address: undefined, length }];
    const found = this.#objects.keys.get(indexOf(key));
    if (found?.key !== key || found.isFree || depth > MOST_INDIRECTIONS) return undefined;
    if (who.pd !== undefined && found.pd !== who.pd) return undefined;
    if (found.qpn !== ANY_QP && found.qpn !== who.number) return undefined;
    if (!found.allows(right)) return undefined;
    const offset = address - found.firstAddress;
    if (offset < 0n || offset + BigInt(length) > found.length) return undefined;
    if (found.isPhysical) return [{ address: Number(address), length }];
    if (found.isOfDevice) {
      const start = Number(found.start + offset);
      return [{ address: start, length, of: this.#objects.deviceMemory }];
    }
    const want = { offset: Number(offset), length, right, depth };
    return found.isIndirect ? this.#partsOf(found, who, want) : pagesOf(found, want);
  }

  /** The rights to memory from afar are those of the key that was named; to its parts, those of their owner. */
  #partsOf(key: MemoryKey, who: Accessor, want: Want): Found<readonly Piece[]> {
    const pieces: Piece[] = [];
    let left = want.length;
    for (const span of key.parts(want.offset, want.length)) {
      // What a table has nothing for yet. Source: drivers/infiniband/hw/mlx5/odp.c, populate_ksm()
      if (key.isTable && span.key === NULL_MKEY) return ABSENT;
      const found = this.#pieces(who, span, LOCAL[want.right], want.depth + 1);
      if (found === undefined || found instanceof Absent) return found;
      pieces.push(...found);
      left -= span.length;
    }
    return left === 0 ? pieces : undefined;
  }
}

/** What of a key's memory is wanted. */
interface Want {
  readonly offset: number;
  readonly length: number;
  readonly right: Right;
  readonly depth: number;
}

const LOCAL: Readonly<Record<Right, Right>> = { lr: 'lr', lw: 'lw', rr: 'lr', rw: 'lw', a: 'lw' };

/** A page that may only be read lacks what a write needs: the driver may bring it anew. */
function pagesOf(key: MemoryKey, { offset, length, right }: Want): Found<readonly Piece[]> {
  const pieces: Piece[] = [];
  const isRead = LOCAL[right] === 'lr';
  for (const { address, length: count, mayRead, mayWrite } of key.pages(offset, length)) {
    if (address === undefined) return undefined;
    if (!(isRead ? mayRead : mayWrite)) return ABSENT;
    pieces.push({ address, length: count });
  }
  return pieces;
}
