import { LogMemory } from './call-log-memory.ts';
import { CallRecord, type CommandLike } from './call-record.ts';
import type { Errno } from './errno.ts';

/** How often a command was called, and which errnos it answered with. */
export interface CallCount {
  calls: number;
  readonly errnos: Map<Errno, number>;
}

/** A name that calls were made by, with its number in the memory. */
interface KnownName extends CallCount {
  readonly id: number;
}

/** What `begin` returns when nothing is recorded. */
export const NOT_LOGGED = -1;

const NOTHING = new Uint8Array(0);
const emptyArgs: readonly (number | bigint)[] = [];

/**
 * The last calls of this process, in a ring of fixed size, plus counts of all calls.
 *
 * Recording copies numbers and at most `bytesKept` bytes each way into preallocated memory; names,
 * structs and objects come into being when somebody reads. A call is entered before it is made, so
 * that one which never returned is the newest entry, in flight. The ring can be laid over memory
 * shared with a supervisor, who then reads it with `CallLog.attach` after the process is gone.
 */
export class CallLog {
  static readonly bytesKept = LogMemory.bytesKept;
  readonly #memory: LogMemory;
  /** The command of each slot, for decoding; only the recording process has it. */
  readonly #commands: (CommandLike | undefined)[];
  /** The name of each slot, for counting its errno. */
  readonly #slotNames: (KnownName | undefined)[];
  readonly #names = new Map<string, KnownName>();
  #lastCommand: CommandLike | string | undefined;
  #lastName: KnownName | undefined;

  /** @param memory at least `CallLog.sizeBytes(capacity)` zeroed bytes; its own if absent */
  constructor(capacity = 256, memory?: ArrayBuffer) {
    this.#memory = LogMemory.create(capacity, memory);
    this.#commands = new Array(capacity).fill(undefined);
    this.#slotNames = new Array(capacity).fill(undefined);
  }

  static sizeBytes(capacity: number): number {
    return LogMemory.sizeBytes(capacity);
  }

  /**
   * The records that another process left in shared memory, oldest first; bytes are not decoded,
   * unless `commands` finds the command by its name. Throws if the memory holds no log.
   */
  static attach(
    memory: ArrayBuffer,
    commands?: (name: string) => CommandLike | undefined,
  ): CallRecord[] {
    const log = LogMemory.open(memory);
    return log.liveSlots().map((slot) => {
      const facts = log.factsAt(slot);
      return new CallRecord(facts, commands?.(facts.command)?.struct);
    });
  }

  get capacity(): number {
    return this.#memory.capacity;
  }

  /** Enters a call that is about to be made; the result goes to `end`. */
  begin(
    command: CommandLike | string,
    request: number,
    fd: number,
    input: Uint8Array | bigint | null,
    args: readonly (number | bigint)[] = emptyArgs,
  ): number {
    const known =
      command === this.#lastCommand && this.#lastName !== undefined
        ? this.#lastName
        : this.#nameOf(command);
    known.calls++;
    const slot = this.#memory.begin(known.id, request, fd, input, args);
    this.#commands[slot] = typeof command === 'string' ? undefined : command;
    this.#slotNames[slot] = known;
    return slot;
  }

  /** Completes the entry that `begin` made. */
  end(
    slot: number,
    ret: number,
    errno: Errno,
    output: Uint8Array | bigint | null,
    restarts = 0,
  ): void {
    this.#memory.end(slot, ret, errno, output instanceof Uint8Array ? output : NOTHING, restarts);
    if (errno === 0) return;
    const errnos = this.#slotNames[slot]?.errnos;
    errnos?.set(errno, (errnos.get(errno) ?? 0) + 1);
  }

  /** The recorded calls, oldest first; at most `capacity`. */
  entries(): CallRecord[] {
    return this.#memory.liveSlots().map((slot) => this.#recordAt(slot));
  }

  /** The call that has not returned yet. */
  inFlight(): CallRecord | undefined {
    const newest = this.#memory.liveSlots().at(-1);
    if (newest === undefined) return undefined;
    const record = this.#recordAt(newest);
    return record.facts.state === 'in flight' ? record : undefined;
  }

  /** Calls per command name since the last clear(), those that the ring has dropped included. */
  counts(): Map<string, CallCount> {
    const counts = new Map<string, CallCount>();
    for (const [name, { calls, errnos }] of this.#names) {
      if (calls > 0) counts.set(name, { calls, errnos: new Map(errnos) });
    }
    return counts;
  }

  /** Forgets entries and counts; the sequence numbers go on. */
  clear(): void {
    this.#memory.clear();
    this.#commands.fill(undefined);
    for (const known of this.#names.values()) {
      known.calls = 0;
      known.errnos.clear();
    }
  }

  #recordAt(slot: number): CallRecord {
    return new CallRecord(this.#memory.factsAt(slot), this.#commands[slot]?.struct);
  }

  #nameOf(command: CommandLike | string): KnownName {
    const name = typeof command === 'string' ? command : command.name;
    let known = this.#names.get(name);
    if (known === undefined) {
      known = { id: this.#memory.addName(name), calls: 0, errnos: new Map() };
      this.#names.set(name, known);
    }
    this.#lastCommand = command;
    this.#lastName = known;
    return known;
  }
}

let current: CallLog | undefined;

/** Makes a log the one that every call of this process goes to; undefined stops recording. */
export function setCallLog(log: CallLog | undefined): void {
  current = log;
}

/** The log that calls go to now. */
export function callLog(): CallLog | undefined {
  return current;
}

/** Enters a system call other than ioctl into the current log, if there is one. */
export function beginCall(
  name: string,
  fd: number,
  args: readonly (number | bigint)[],
  input: Uint8Array | bigint | null = null,
): number {
  return current === undefined ? NOT_LOGGED : current.begin(name, 0, fd, input, args);
}

/** Completes what `beginCall` entered. */
export function endCall(
  slot: number,
  ret: number,
  errno: Errno,
  output: Uint8Array | bigint | null = null,
  restarts = 0,
): void {
  if (slot !== NOT_LOGGED) current?.end(slot, ret, errno, output, restarts);
}
