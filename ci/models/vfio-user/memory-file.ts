import { fstatSync } from 'node:fs';
import { Mapping } from '../../../uapi/mapping.ts';
import type { Outcome } from '../../../uapi/sys-call.ts';

/** A view of more than this does not fit into a Buffer on all releases of Node. */
const PART_BYTES = 2 ** 30;

/** A file of the guest's memory, mapped as a whole. Offsets are from its start. */
export class MemoryFile {
  readonly key: string;
  users = 0;
  readonly #parts: readonly Mapping[];

  constructor(key: string, parts: readonly Mapping[]) {
    this.key = key;
    this.#parts = parts;
  }

  /** A copy. @throws MappingError beyond the end */
  read(offset: number, length: number): Buffer {
    const { part, at } = this.#place(offset);
    if (at + length <= part.length) return part.read(at, length);
    const here = part.length - at;
    return Buffer.concat([part.read(at, here), this.read(offset + here, length - here)]);
  }

  write(offset: number, bytes: Uint8Array): void {
    const { part, at } = this.#place(offset);
    const here = Math.min(bytes.length, part.length - at);
    part.write(at, bytes.subarray(0, here));
    if (here < bytes.length) this.write(offset + here, bytes.subarray(here));
  }

  publish32(offset: number, value: number): void {
    const { part, at } = this.#place(offset);
    part.storeAtomic32(at, value);
  }

  unmap(): void {
    for (const part of this.#parts) part.unmap();
  }

  #place(offset: number): { part: Mapping; at: number } {
    const part = this.#parts[Math.floor(offset / PART_BYTES)];
    if (part === undefined) throw new RangeError(`offset ${offset} is beyond the file`);
    return { part, at: offset % PART_BYTES };
  }
}

/** The files that the guest's memory is in: QEMU sends the same one with each piece of it. */
export class MemoryFiles {
  readonly #files = new Map<string, MemoryFile>();

  /** The file behind the fd, which stays the caller's. It has one user more. */
  open(fd: number): Outcome<MemoryFile> {
    const { dev, ino, size } = fstatSync(fd);
    const key = `${dev}:${ino}`;
    const known = this.#files.get(key);
    if (known !== undefined) {
      known.users++;
      return { ok: true, value: known };
    }
    const parts: Mapping[] = [];
    for (let offset = 0; offset < size; offset += PART_BYTES) {
      const length = Math.min(PART_BYTES, size - offset);
      const part = Mapping.tryMap({ fd, length, offset });
      if (!part.ok) {
        for (const mapped of parts) mapped.unmap();
        return part;
      }
      parts.push(part.value);
    }
    const file = new MemoryFile(key, parts);
    file.users = 1;
    this.#files.set(key, file);
    return { ok: true, value: file };
  }

  close(file: MemoryFile): void {
    if (--file.users > 0) return;
    this.#files.delete(file.key);
    file.unmap();
  }
}
