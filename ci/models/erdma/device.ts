import { place } from '../bits.ts';
import type { Bar, DeviceModel, Host } from '../vfio-user/device.ts';
import { type Answer, type Command, CommandQueue } from './command-queue.ts';
import { carryOut } from './commands.ts';
import { DataPath } from './data-path.ts';
import { ringDoorbell } from './doorbells.ts';
import { EventQueue } from './event-queue.ts';
import {
  ERDMA_AEQE_HDR_TYPE_MASK,
  ERDMA_BAR_DB_SPACE_BASE,
  ERDMA_CMDQ_CQDB_REG,
  ERDMA_CMDQ_SQDB_REG,
  ERDMA_DB_SIZE,
  ERDMA_FUNC_BAR,
  ERDMA_MISX_BAR,
  ERDMA_MSIX_VECTOR_CMDQ,
  ERDMA_REGS_AEQ_DB_REG,
  ERDMA_REGS_CEQ_DB_BASE_REG,
  erdma_aeqe,
} from './headers/erdma-hw.ts';
import { FUNCTION_BAR_BYTES, INTERRUPT_BAR_BYTES, MSIX_VECTORS } from './limits.ts';
import { Objects } from './objects.ts';
import { type InitialQueues, Registers } from './registers.ts';
import { Statistics } from './statistics.ts';

/** The driver knows no event queue beyond the vectors. */
const CEQ_DOORBELLS_END = ERDMA_REGS_CEQ_DB_BASE_REG + MSIX_VECTORS * ERDMA_DB_SIZE;

/** Alibaba's Elastic RDMA Adapter, speaking RoCEv2, as its driver sees it. */
export class ErdmaDevice implements DeviceModel {
  readonly identity = {
    vendorId: 0x1ded,
    deviceId: 0x107f,
    subsystemVendorId: 0x1ded,
    subsystemId: 0x107f,
    revision: 0,
    /** A network controller of no known kind. */
    classCode: 0x028000,
  };
  /** These two and no other: erdma_main.c, erdma_probe_dev(). */
  readonly bars: readonly Bar[] = [
    {
      index: ERDMA_FUNC_BAR,
      sizeBytes: FUNCTION_BAR_BYTES,
      is64Bit: true,
      isPrefetchable: false,
    },
    {
      index: ERDMA_MISX_BAR,
      sizeBytes: INTERRUPT_BAR_BYTES,
      is64Bit: true,
      isPrefetchable: false,
    },
  ];
  readonly msix = {
    vectors: MSIX_VECTORS,
    bar: ERDMA_MISX_BAR,
    tableOffset: 0,
    pendingOffset: 0x800,
  };
  readonly #host: Host;
  readonly #statistics = new Statistics();
  readonly #registers: Registers;
  readonly #dataPath: DataPath;
  #commands: CommandQueue | undefined;
  #asyncEvents: EventQueue | undefined;
  #objects = new Objects();
  /** The lower half of a doorbell that comes in two writes. */
  #half: { readonly offset: number; readonly value: number } | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#registers = new Registers(
      { start: (queues) => this.#start(queues), reset: () => this.#forget() },
      this.#statistics,
    );
    this.#dataPath = new DataPath(
      host,
      () => this.#objects,
      this.#statistics,
      (type, qpn) => this.#sayEvent(type, qpn),
    );
  }

  /** What is no whole register, nor two, reads as ones: a guess. */
  readBar(bar: number, offset: number, count: number): Buffer {
    const answer = Buffer.alloc(count, 0xff);
    if (bar !== ERDMA_FUNC_BAR || count % 4 !== 0 || offset % 4 !== 0) return answer;
    for (let at = 0; at < count; at += 4) {
      const isRegister = offset + at < ERDMA_BAR_DB_SPACE_BASE;
      answer.writeUInt32LE(isRegister ? this.#registers.read(offset + at) : 0, at);
    }
    return answer;
  }

  writeBar(bar: number, offset: number, data: Buffer): void {
    if (bar !== ERDMA_FUNC_BAR || offset % data.length !== 0) return;
    if (data.length === 4) this.#write32(offset, data.readUInt32LE(0));
    else if (data.length === 8) this.#write64(offset, data.readBigUInt64LE(0));
  }

  reset(): void {
    this.#registers.powerOn();
    this.#forget();
  }

  get wakeAtMs(): number | undefined {
    return this.#dataPath.nextMs;
  }

  wake(): void {
    this.#dataPath.wake();
  }

  #write64(offset: number, value: bigint): void {
    if (isDoorbell(offset)) {
      this.#ring(offset, value);
      return;
    }
    this.#registers.write(offset, Number(value & 0xffff_ffffn));
    this.#registers.write(offset + 4, Number(value >> 32n));
  }

  /** Doorbells are 64 bits; that two halves in a row are as good is a guess. */
  #write32(offset: number, value: number): void {
    if (!isDoorbell(offset)) {
      this.#registers.write(offset, value);
      return;
    }
    const half = this.#half;
    this.#half = offset % ERDMA_DB_SIZE === 0 ? { offset, value } : undefined;
    if (half === undefined || half.offset + 4 !== offset) return;
    this.#ring(half.offset, (BigInt(value) << 32n) | BigInt(half.value));
  }

  #ring(offset: number, value: bigint): void {
    if (this.#commands === undefined) return;
    if (offset >= ERDMA_BAR_DB_SPACE_BASE) {
      ringDoorbell(this.#objects, this.#dataPath, offset, value);
    } else if (offset === ERDMA_CMDQ_SQDB_REG) this.#commands.ring(value);
    else if (offset === ERDMA_CMDQ_CQDB_REG) this.#commands.ringCompletions(value);
    else if (offset === ERDMA_REGS_AEQ_DB_REG) this.#asyncEvents?.ring(value);
    else if (offset === ERDMA_REGS_CEQ_DB_BASE_REG) this.#commands.events.ring(value);
    else {
      const eqn = (offset - ERDMA_REGS_CEQ_DB_BASE_REG) / ERDMA_DB_SIZE;
      this.#objects.eqs.get(eqn)?.ring(value);
    }
  }

  #start(queues: InitialQueues): boolean {
    const all = [queues.commands, queues.commandEvents, queues.asyncEvents];
    if (all.some(({ depth }) => depth === 0 || (depth & (depth - 1)) !== 0)) return false;
    this.#commands = new CommandQueue(this.#host, queues, (command) => this.#handle(command));
    this.#asyncEvents = new EventQueue(this.#host, queues.asyncEvents, ERDMA_MSIX_VECTOR_CMDQ);
    return true;
  }

  #handle(command: Command): Answer {
    return carryOut(command, {
      host: this.#host,
      objects: this.#objects,
      statistics: this.#statistics,
      actions: this.#dataPath,
    });
  }

  #sayEvent(type: number, qpn: number): void {
    const hdr = place(type, ERDMA_AEQE_HDR_TYPE_MASK);
    this.#asyncEvents?.post(erdma_aeqe.make({ hdr, event_data0: qpn }));
  }

  #forget(): void {
    this.#dataPath.reset();
    this.#objects = new Objects();
    this.#commands = undefined;
    this.#asyncEvents = undefined;
    this.#half = undefined;
    this.#statistics.reset();
  }
}

function isDoorbell(offset: number): boolean {
  if (offset >= ERDMA_BAR_DB_SPACE_BASE) return true;
  const first = offset & ~(ERDMA_DB_SIZE - 1);
  const isEventQueue = first >= ERDMA_REGS_CEQ_DB_BASE_REG && first < CEQ_DOORBELLS_END;
  return isEventQueue || COMMAND_DOORBELLS.includes(first);
}

const COMMAND_DOORBELLS = [ERDMA_REGS_AEQ_DB_REG, ERDMA_CMDQ_SQDB_REG, ERDMA_CMDQ_CQDB_REG];
