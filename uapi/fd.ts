import { errnoName } from './errno.ts';
import { tryClose } from './sys.ts';
import type { SysResult } from './sys-call.ts';

/** Owns an open file descriptor and closes it once. */
export class Fd implements Disposable {
  readonly #number: number;
  #open = true;

  constructor(number: number) {
    if (!Number.isInteger(number) || number < 0) throw new RangeError(`${number} is no open fd`);
    this.#number = number;
  }

  /** The number; throws once closed, since the kernel may have given it to another file. */
  get number(): number {
    if (!this.#open) throw new Error(`fd ${this.#number} was closed; it may be another file now`);
    return this.#number;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Closes it; closing again does nothing. The errno is data: close can report EIO. */
  close(): SysResult {
    if (!this.#open) return { ret: 0, errno: 0 };
    this.#open = false;
    return tryClose(this.#number);
  }

  /** Gives up ownership: the caller closes the number. */
  release(): number {
    const number = this.number;
    this.#open = false;
    return number;
  }

  /** Throws where closing failed; EBADF means that somebody else closed it. */
  [Symbol.dispose](): void {
    const { errno } = this.close();
    if (errno !== 0) throw new Error(`close of fd ${this.#number}: ${errnoName(errno)}`);
  }
}
