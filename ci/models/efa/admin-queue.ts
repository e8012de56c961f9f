import { Refusal, type RefusalKind } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import { entryChecksum } from './crc16.ts';
import {
  EFA_ADMIN_AQ_COMMON_DESC_COMMAND_ID_MASK,
  EFA_ADMIN_AQ_COMMON_DESC_PHASE_MASK,
  EFA_ADMIN_BAD_OPCODE,
  EFA_ADMIN_ILLEGAL_PARAMETER,
  EFA_ADMIN_MALFORMED_REQUEST,
  EFA_ADMIN_RESOURCE_ALLOCATION_FAILURE,
  EFA_ADMIN_RESOURCE_BUSY,
  EFA_ADMIN_SUCCESS,
  EFA_ADMIN_UNKNOWN_ERROR,
  EFA_ADMIN_UNSUPPORTED_OPCODE,
  efa_admin_acq_common_desc,
  efa_admin_acq_entry,
  efa_admin_aq_common_desc,
  efa_admin_aq_common_desc_v2,
  efa_admin_aq_entry,
  efa_admin_aq_entry_v2,
} from './headers/efa-admin-defs.ts';
import type { Registers } from './registers.ts';

/** A command as its handlers see it, whatever version of entries it came in. */
export interface AdminCommand {
  readonly id: number;
  readonly opcode: number;
  readonly flags: number;
  /** What follows the common descriptor. */
  readonly payload: Buffer;
}

/** What answers a command: an entry whose common descriptor is still to be filled in. */
export type AdminHandler = (command: AdminCommand) => Buffer;

/** Source: efa_admin_defs.h, enum efa_admin_aq_completion_status */
const STATUSES: Readonly<Record<RefusalKind, number>> = {
  parameter: EFA_ADMIN_ILLEGAL_PARAMETER,
  busy: EFA_ADMIN_RESOURCE_BUSY,
  room: EFA_ADMIN_RESOURCE_ALLOCATION_FAILURE,
  unsupported: EFA_ADMIN_UNSUPPORTED_OPCODE,
  opcode: EFA_ADMIN_BAD_OPCODE,
};

const PAYLOAD_AT = efa_admin_aq_common_desc.size;
const PAYLOAD_AT_V2 = efa_admin_aq_common_desc_v2.size;

/** The phase bit that the n-th entry of a ring has: 1 in the first round, then 0, in turn. */
export function phaseOf(index: number, depth: number): number {
  return (Math.floor(index / depth) & 1) ^ 1;
}

export function parseCommand(entry: Buffer): AdminCommand {
  const isSecond = entry.length === efa_admin_aq_entry_v2.size;
  return {
    id:
      efa_admin_aq_common_desc.get(entry, 'command_id') & EFA_ADMIN_AQ_COMMON_DESC_COMMAND_ID_MASK,
    opcode: efa_admin_aq_common_desc.get(entry, 'opcode'),
    flags: efa_admin_aq_common_desc.get(entry, 'flags'),
    payload: entry.subarray(isSecond ? PAYLOAD_AT_V2 : PAYLOAD_AT),
  };
}

/** Whether an entry of version 2 is as it was written; those of version 1 carry no checksum. */
export function isIntact(entry: Buffer): boolean {
  if (entry.length !== efa_admin_aq_entry_v2.size) return true;
  const copy = Buffer.from(entry);
  efa_admin_aq_common_desc_v2.set(copy, 'checksum', 0);
  return entryChecksum(copy) === efa_admin_aq_common_desc_v2.get(entry, 'checksum');
}

/** Fills in what all completions have, the checksum last since it covers the rest. */
export function sealCompletion(entry: Buffer, id: number, status: number, phase: number): Buffer {
  efa_admin_acq_common_desc.set(entry, 'command', id);
  efa_admin_acq_common_desc.set(entry, 'status', status);
  efa_admin_acq_common_desc.set(entry, 'flags', phase);
  efa_admin_acq_common_desc.set(entry, 'checksum', 0);
  efa_admin_acq_common_desc.set(entry, 'checksum', entryChecksum(entry));
  return entry;
}

/** The pair of rings through which the driver asks and is answered. Source: efa_com.c */
export class AdminQueue {
  readonly #host: Host;
  readonly #registers: Registers;
  readonly #handle: AdminHandler;
  #taken = 0;
  #completed = 0;

  constructor(host: Host, registers: Registers, handle: AdminHandler) {
    this.#host = host;
    this.#registers = registers;
    this.#handle = handle;
  }

  reset(): void {
    this.#taken = 0;
    this.#completed = 0;
  }

  /** The driver has written entries up to this count, of 16 bits. */
  ring(producer: number): void {
    const { depth, entryBytes } = this.#registers.adminQueue;
    const count = (producer - this.#taken) & 0xffff;
    const isKnown =
      entryBytes === efa_admin_aq_entry.size || entryBytes === efa_admin_aq_entry_v2.size;
    if (!this.#registers.isRunning || !isKnown || count > depth) {
      this.#fail(
        `doorbell ${producer} of an admin queue of ${depth} entries of ${entryBytes} bytes`,
      );
      return;
    }
    for (let i = 0; i < count; i++) if (!this.#takeOne()) return;
    if (!this.#registers.isInterruptMasked) {
      this.#host.interrupt(this.#registers.adminCompletionQueue.vector);
    }
  }

  #takeOne(): boolean {
    const { base, depth, entryBytes } = this.#registers.adminQueue;
    const entry = this.#host.memory.read(base + (this.#taken % depth) * entryBytes, entryBytes);
    if (entry === undefined) return this.#fail('the admin queue cannot be reached');
    const phase =
      efa_admin_aq_common_desc.get(entry, 'flags') & EFA_ADMIN_AQ_COMMON_DESC_PHASE_MASK;
    if (phase !== phaseOf(this.#taken, depth)) {
      return this.#fail(`entry ${this.#taken} of the admin queue has phase ${phase}`);
    }
    this.#taken++;
    return this.#complete(parseCommand(entry), isIntact(entry));
  }

  #complete(command: AdminCommand, intact: boolean): boolean {
    const { base, depth } = this.#registers.adminCompletionQueue;
    const { status, entry } = intact
      ? this.#tryCommand(command)
      : { status: EFA_ADMIN_MALFORMED_REQUEST, entry: Buffer.alloc(efa_admin_acq_entry.size) };
    sealCompletion(entry, command.id, status, phaseOf(this.#completed, depth));
    const at = base + (this.#completed % depth) * entry.length;
    this.#completed++;
    if (this.#host.memory.publish(at, entry)) return true;
    return this.#fail('the admin completion queue cannot be reached');
  }

  #tryCommand(command: AdminCommand): { status: number; entry: Buffer } {
    const entry = Buffer.alloc(efa_admin_acq_entry.size);
    try {
      this.#handle(command).copy(entry);
      return { status: EFA_ADMIN_SUCCESS, entry };
    } catch (error) {
      this.#host.say(`admin command ${command.opcode} is refused: ${String(error)}`);
      const status = error instanceof Refusal ? STATUSES[error.kind] : EFA_ADMIN_UNKNOWN_ERROR;
      return { status, entry };
    }
  }

  #fail(why: string): false {
    this.#host.say(`fatal error: ${why}`);
    this.#registers.fail();
    return false;
  }
}
