import { type Errno, errnoName } from './errno.ts';
import { formatBytes } from './format-bytes.ts';

/** What the log needs of a struct: any Struct<T> of layout.ts fits. */
export interface Decoder {
  readonly name: string;
  readonly size: number;
  decode(buf: Buffer): unknown;
  /** One line: 'handle=3 pad=0'. */
  format(buf: Buffer): string;
}

/** What a call needs to know of a command: any Command<T> of description.ts fits. */
export interface CommandLike {
  readonly name: string;
  readonly request: number;
  readonly struct?: Decoder;
}

/**
 * What the log keeps of a call in place of its argument, where that leads on to other memory.
 * Both are asked for only when a log is there.
 */
export interface Transcript {
  input(): Uint8Array;
  /** After the call, also after one that failed. */
  output(errno: Errno): Uint8Array;
}

/** Calls whose memory argument is a path or a name. */
const TEXT_CALLS: ReadonlySet<string> = new Set(['open', 'openat2', 'memfd_create']);

export interface CallFacts {
  /** Counts from 1 over the life of the log. */
  readonly sequence: number;
  /** The macro's name of an ioctl, 'ioctl' for a bare number, else the system call. */
  readonly command: string;
  /** The command number of an ioctl, 0 for any other call. */
  readonly request: number;
  /** -1 where the call takes none. */
  readonly fd: number;
  /** The scalar arguments behind the fd, in order; for an ioctl the address if one was passed. */
  readonly args: readonly bigint[];
  /** A call in flight has not come back: its ret, errno, duration and output say nothing. */
  readonly state: 'in flight' | 'done';
  /** The return value; of mmap the address. */
  readonly ret: number;
  readonly errno: Errno;
  /** How often EINTR or EAGAIN made the call start again. */
  readonly restarts: number;
  /** CLOCK_MONOTONIC, so that records of several processes can be put in order. */
  readonly startNs: bigint;
  readonly durationNs: number;
  /** The memory argument before and after the call, cut at CallLog.bytesKept. */
  readonly input: Buffer;
  readonly output: Buffer;
  /** Bytes before the cut. */
  readonly inputSize: number;
  readonly outputSize: number;
}

/** One recorded call. The bytes are its own; a struct is decoded when it is asked for. */
export class CallRecord {
  readonly facts: CallFacts;
  readonly #struct: Decoder | undefined;

  constructor(facts: CallFacts, struct: Decoder | undefined) {
    this.facts = facts;
    this.#struct = struct;
  }

  get command(): string {
    return this.facts.command;
  }

  get errno(): Errno {
    return this.facts.errno;
  }

  /** The struct as it went in; undefined without a struct or with fewer bytes than it has. */
  decodedInput(): unknown {
    return this.#decode(this.facts.input);
  }

  /** The struct as it came back; undefined also while the call is in flight. */
  decodedOutput(): unknown {
    return this.#decode(this.facts.output);
  }

  /** `#12 DRM_IOCTL_GEM_CLOSE fd=3 {handle=7 pad=0} = EINVAL 2.1us` */
  toString(): string {
    const { sequence, request, fd } = this.facts;
    const number = this.command === 'ioctl' ? ` 0x${request.toString(16)}` : '';
    const on = fd < 0 ? '' : ` fd=${fd}`;
    return `#${sequence} ${this.command}${number}${on}${this.#argumentText()}${this.#resultText()}`;
  }

  #decode(bytes: Buffer): unknown {
    const struct = this.#struct;
    return struct === undefined || bytes.length < struct.size ? undefined : struct.decode(bytes);
  }

  #format(bytes: Buffer): string {
    if (bytes.length === 0) return '';
    if (TEXT_CALLS.has(this.command)) return JSON.stringify(bytes.toString());
    return this.#struct === undefined ? formatBytes(bytes) : this.#struct.format(bytes);
  }

  #argumentText(): string {
    const { args, input, output } = this.facts;
    const scalars = args.length === 0 ? '' : ` (${args.map(formatScalar).join(', ')})`;
    const before = this.#format(input);
    const after = this.#format(output);
    const changed = after === '' || after === before ? '' : ` -> {${after}}`;
    return `${scalars}${before === '' ? '' : ` {${before}}`}${changed}`;
  }

  #resultText(): string {
    const { state, ret, errno, durationNs } = this.facts;
    if (state === 'in flight') return ' did not return';
    const result = errno === 0 ? formatScalar(ret) : errnoName(errno);
    return ` = ${result} ${(durationNs / 1000).toFixed(1)}us`;
  }
}

/** Small values in decimal; addresses and offsets in hex. */
function formatScalar(value: number | bigint): string {
  return value > 0xffff ? `0x${value.toString(16)}` : String(value);
}
