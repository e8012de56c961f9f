import { POLLIN } from '../../../uapi/constants.ts';
import { E } from '../../../uapi/errno.ts';
import { tryWrite } from '../../../uapi/sys.ts';
import { tryPoll } from '../../../uapi/sys-poll.ts';
import { tryRecvFds, trySendFds } from '../../../uapi/sys-socket.ts';
import { HEADER_BYTES, MAX_MESSAGE_BYTES, type Message, takeMessage } from './protocol.ts';

/** Bytes taken from the socket at once: of most messages, many. */
const CHUNK_BYTES = 4096;
/** As announced in the version message. */
const MAX_FDS = 8;

export interface Received {
  readonly message: Message;
  /** The receiver's to close. */
  readonly fds: readonly number[];
}

/** Files that came with the message that begins at this byte of the stream. */
interface PendingFds {
  readonly at: number;
  readonly fds: readonly number[];
}

/** The connection to QEMU: a stream socket, blocking. */
export class Channel {
  readonly #socket: number;
  #bytes: Buffer = Buffer.alloc(0);
  /** Where in the stream #bytes begins. */
  #position = 0;
  #pending: PendingFds[] = [];

  constructor(socket: number) {
    this.#socket = socket;
  }

  /** The next message, waited for; undefined when QEMU is gone. @throws FramingError */
  receive(): Received | undefined {
    for (;;) {
      const next = takeMessage(this.#bytes);
      if (next !== undefined) return this.#take(next.message, next.taken);
      if (!this.#fill()) return undefined;
    }
  }

  /** Whether there is something to receive, waited for so long; a part of a message counts. */
  hasInput(timeoutMs: number): boolean {
    if (takeMessage(this.#bytes) !== undefined) return true;
    const waitMs = Math.max(0, Math.ceil(timeoutMs));
    return tryPoll([{ fd: this.#socket, events: POLLIN }], waitMs).ret !== 0;
  }

  /** False when QEMU is gone. The files go with the first byte. */
  send(bytes: Buffer, fds: readonly number[] = []): boolean {
    for (let done = 0; done < bytes.length; ) {
      const rest = bytes.subarray(done);
      const hasFiles = done === 0 && fds.length > 0;
      const { ret, errno } = hasFiles
        ? trySendFds(this.#socket, rest, fds)
        : tryWrite(this.#socket, rest);
      if (errno === E.EINTR) continue;
      if (errno !== 0) return false;
      done += ret;
    }
    return true;
  }

  #take(message: Message, taken: number): Received {
    const end = this.#position + taken;
    const fds = this.#pending.filter(({ at }) => at < end).flatMap((item) => item.fds);
    if (fds.length > 0) this.#pending = this.#pending.filter(({ at }) => at >= end);
    this.#bytes = this.#bytes.subarray(taken);
    this.#position = end;
    return { message, fds };
  }

  #fill(): boolean {
    const outcome = tryRecvFds(this.#socket, CHUNK_BYTES, MAX_FDS);
    if (!outcome.ok) return outcome.errno === E.EINTR;
    const { data, fds } = outcome.value;
    if (data.length === 0) return false;
    this.#bytes = this.#bytes.length === 0 ? data : Buffer.concat([this.#bytes, data]);
    if (fds.length > 0) this.#pending.push({ at: this.#lastStart(), fds });
    return true;
  }

  /**
   * Where the last message begins that is here, if only in part: what one call received ends with the
   * bytes that its files came with (net/unix/af_unix.c, unix_stream_read_generic()), and QEMU sends
   * a message at once.
   */
  #lastStart(): number {
    let at = 0;
    for (;;) {
      if (at + HEADER_BYTES > this.#bytes.length) return this.#position + at;
      const size = this.#bytes.readUInt32LE(at + 4);
      const isWhole = size >= HEADER_BYTES && size <= MAX_MESSAGE_BYTES;
      if (!isWhole || at + size >= this.#bytes.length) return this.#position + at;
      at += size;
    }
  }
}
