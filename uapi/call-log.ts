import { LogMemory } from './call-log-memory.ts';
import { type CallFacts, CallRecord, type CommandLike } from './call-record.ts';
import type { Errno } from './errno.ts';

/** How often a command was called, and which errnos it answered with. */
export interface CallCount {
  calls: number;
  readonly errnos: Map<Errno, number>;
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
  readonly #ids = new Map<string, number>();
  readonly #counts: CallCount[] = [];
  #lastCommand: CommandLike | string | undefined;
  #lastId = 0;

  /** @param memory at least `CallLog.sizeBytes(capacity)` zeroed bytes; its own if absent */
  constructor(capacity = 256, memory?: ArrayBuffer) {
    this.#memory = LogMemory.create(capacity, memory);
    this.#commands = new Array(capacity).fill(undefined);
  }

  static sizeBytes(capacity: number): number {
    return LogMemory.sizeBytes(capacity);
  }

  /**
   * The records that another process left in shared memory, oldest first; bytes are not decoded,
   * unless `commands` finds the command by its name. Throws if the memory holds no log.
   */
  static attach(memory: ArrayBuffer, commands?: (name: string) => CommandLike | undefined) {
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
    const id = command === this.#lastCommand ? this.#lastId : this.#idOf(command);
    const slot = this.#memory.begin(id, request, fd, input, args);
    this.#commands[slot] = typeof command === 'string' ? undefined : command;
    const count = this.#counts[id];
    if (count !== undefined) count.calls++;
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
    if (errno !== 0) this.#countErrno(this.#memory.idAt(slot), errno);
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
    const named = new Map<string, CallCount>();
    for (const [name, id] of this.#ids) {
      const count = this.#counts[id];
      if (count !== undefined && count.calls > 0) named.set(name, count);
    }
    return named;
  }

  /** Forgets entries and counts; the sequence numbers go on. */
  clear(): void {
    this.#memory.clear();
    this.#commands.fill(undefined);
    for (const id of this.#counts.keys()) this.#counts[id] = { calls: 0, errnos: new Map() };
  }

  #recordAt(slot: number): CallRecord {
    const facts: CallFacts = this.#memory.factsAt(slot);
    return new CallRecord(facts, this.#commands[slot]?.struct);
  }

  #idOf(command: CommandLike | string): number {
    const name = typeof command === 'string' ? command : command.name;
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = this.#memory.addName(name);
      this.#ids.set(name, id);
      this.#counts[id] ??= { calls: 0, errnos: new Map() };
    }
    this.#lastCommand = command;
    this.#lastId = id;
    return id;
  }

  #countErrno(id: number, errno: Errno): void {
    const errnos = this.#counts[id]?.errnos;
    errnos?.set(errno, (errnos.get(errno) ?? 0) + 1);
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
