import { POLLIN } from '../uapi/constants.ts';
import { E } from '../uapi/errno.ts';
import {
  VFIO_DEVICE_SET_IRQS,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_PCI_MSI_IRQ_INDEX,
  vfio_irq_set,
} from '../uapi/headers/linux/vfio.ts';
import { tryClose, tryRead } from '../uapi/sys.ts';
import { tryEventfd } from '../uapi/sys-file.ts';
import { tryPoll } from '../uapi/sys-poll.ts';
import type { CopyJob, Job, Outcome } from './contract.ts';
import { call } from './vfio-call.ts';
import type { DmaMemory } from './vfio-memory.ts';
import {
  BAR0,
  CONFIG,
  PCI_COMMAND,
  PCI_COMMAND_MASTER,
  PCI_COMMAND_MEMORY,
  type Region,
  readRegister,
  region,
  writeRegister,
} from './vfio-region.ts';

/**
 * QEMU's educational device: a DMA engine with a buffer of one page, between which and memory it
 * copies. A copy from memory to memory is two transfers: in, and out again.
 * Source: QEMU's docs/specs/edu.rst
 */

/** Vendor and device. */
export function isEdu(pci: string): boolean {
  return pci === '1234:11e8';
}

const REGISTER = { status: 0x24, acknowledge: 0x64, source: 0x80, target: 0x88 } as const;
const DMA = { count: 0x90, command: 0x98 } as const;
const RUN = 1n;
/** Direction: from the device to memory. */
const OUT = 2n;
const INTERRUPT = 4n;
const DMA_DONE = 0x100n;

const BUFFER = 0x40000n;
/**
 * What one transfer takes: less than the buffer's page, because QEMU up to 8 ends itself when a
 * transfer reaches the page's last byte (hw/misc/edu.c, edu_check_range()).
 */
const CHUNK_BYTES = 4032n;
/** Each chunk takes two transfers, so that larger jobs would be a matter of patience. */
const LARGEST_BYTES = 65_536n;

/** A transfer takes 100 ms in QEMU, by a timer of the machine. */
const TRANSFER_MS = 5_000;
const LOOK_MS = 10;

export class EduEngine {
  readonly #fd: number;
  readonly #memory: DmaMemory;
  #registers: Region | undefined;
  #event: number | undefined;
  #jobs = 0;
  /** A transfer is on its way; the device has one at a time. */
  #busy = false;

  constructor(fd: number, memory: DmaMemory) {
    this.#fd = fd;
    this.#memory = memory;
  }

  /**
   * Takes the bytes in and puts them out, chunk by chunk. The last transfer out is the job that is
   * waited for; those before it are done when this returns.
   */
  submitCopy(job: CopyJob): Outcome<Job> {
    const { size } = job;
    if (size > LARGEST_BYTES || size <= 0n) {
      return { ok: false, errno: E.EINVAL, call: `edu: a job has 1 to ${LARGEST_BYTES} bytes` };
    }
    const ready = this.#prepare();
    if (!ready.ok) return ready;
    const from = this.#memory.of(job.source).iova + job.sourceOffset;
    const into = this.#memory.of(job.target).iova + job.targetOffset;
    for (let done = 0n; done < size; done += CHUNK_BYTES) {
      const count = size - done < CHUNK_BYTES ? size - done : CHUNK_BYTES;
      const moved = this.#move(from + done, into + done, count);
      if (!moved.ok) return moved;
    }
    return { ok: true, value: { id: ++this.#jobs } };
  }

  #move(from: bigint, into: bigint, count: bigint): Outcome<undefined> {
    const idle = this.#finish(TRANSFER_MS);
    if (!idle.ok) return idle;
    const started = this.#start(from, BUFFER, count, 0n);
    if (!started.ok) return started;
    const taken = this.#finish(TRANSFER_MS);
    return taken.ok ? this.#start(BUFFER, into, count, OUT) : taken;
  }

  waitJob(job: Job, timeoutMs: number): Outcome<undefined> {
    if (job.id !== this.#jobs) return { ok: true, value: undefined };
    return this.#finish(timeoutMs);
  }

  release(): void {
    if (this.#event !== undefined) tryClose(this.#event);
  }

  /** Memory and bus mastering on, an eventfd for the interrupt: once, at the first job. */
  #prepare(): Outcome<undefined> {
    if (this.#registers !== undefined) return { ok: true, value: undefined };
    const config = region(this.#fd, CONFIG);
    if (!config.ok) return config;
    const on = writeRegister(config.value, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    if (!on.ok) return on;
    const registers = region(this.#fd, BAR0);
    if (!registers.ok) return registers;
    const idle = settled(registers.value);
    if (!idle.ok) return idle;
    const both = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
    const master = writeRegister(config.value, PCI_COMMAND, 2, both);
    if (!master.ok) return master;
    const event = tryEventfd();
    if (event.errno !== 0) return { ok: false, errno: event.errno, call: 'eventfd' };
    this.#event = event.ret;
    const wired = this.#wire(event.ret);
    if (wired.ok) this.#registers = registers.value;
    return wired;
  }

  /** Source: drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_set_msi_trigger() */
  #wire(event: number): Outcome<undefined> {
    const argsz = vfio_irq_set.size + 4;
    const flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
    const set = vfio_irq_set.make({ argsz, flags, index: VFIO_PCI_MSI_IRQ_INDEX, count: 1 }, argsz);
    set.writeInt32LE(event, vfio_irq_set.size);
    const done = call(this.#fd, VFIO_DEVICE_SET_IRQS, set);
    return done.ok ? { ok: true, value: undefined } : done;
  }

  #start(source: bigint, target: bigint, count: bigint, direction: bigint): Outcome<undefined> {
    const writes = [
      [REGISTER.source, source],
      [REGISTER.target, target],
      [DMA.count, count],
      [DMA.command, RUN | INTERRUPT | direction],
    ] as const;
    for (const [at, value] of writes) {
      const written = this.#write(at, value);
      if (!written.ok) return written;
    }
    this.#busy = true;
    return { ok: true, value: undefined };
  }

  /** The interrupt tells when, the command register whether: the transfer has ended when RUN is off. */
  #finish(timeoutMs: number): Outcome<undefined> {
    if (!this.#busy) return { ok: true, value: undefined };
    const end = performance.now() + timeoutMs;
    for (;;) {
      const command = this.#read(DMA.command);
      if (!command.ok) return command;
      if ((command.value & RUN) === 0n) return this.#acknowledge();
      const leftMs = end - performance.now();
      if (leftMs <= 0) return { ok: false, errno: E.ETIMEDOUT, call: 'waiting for edu' };
      tryPoll([{ fd: this.#event ?? -1, events: POLLIN }], Math.min(LOOK_MS, leftMs));
    }
  }

  /** Takes the interrupt back; the message may come a little after RUN went off. */
  #acknowledge(): Outcome<undefined> {
    this.#busy = false;
    const { revents } = tryPoll([{ fd: this.#event ?? -1, events: POLLIN }], TRANSFER_MS);
    if ((revents[0] ?? 0) === 0) {
      return { ok: false, errno: E.ETIMEDOUT, call: 'waiting for the MSI of edu' };
    }
    tryRead(this.#event ?? -1, Buffer.alloc(8));
    return this.#write(REGISTER.acknowledge, DMA_DONE);
  }

  #read(at: number): Outcome<bigint> {
    return readRegister(this.#known(), at, 4);
  }

  #write(at: number, value: bigint): Outcome<undefined> {
    return writeRegister(this.#known(), at, 4, value);
  }

  #known(): Region {
    if (this.#registers === undefined) throw new TypeError('edu before its first job');
    return this.#registers;
  }
}

/**
 * Edu has no reset, and takes no command while it is at one: what a session that is gone had started
 * ends first, without reaching memory of this one, and its interrupt is taken back.
 */
function settled(registers: Region): Outcome<undefined> {
  const end = performance.now() + TRANSFER_MS;
  for (;;) {
    const command = readRegister(registers, DMA.command, 4);
    if (!command.ok) return command;
    if ((command.value & RUN) === 0n) break;
    if (performance.now() >= end) return { ok: false, errno: E.ETIMEDOUT, call: 'waiting for edu' };
    tryPoll([], LOOK_MS);
  }
  return writeRegister(registers, REGISTER.acknowledge, 4, DMA_DONE);
}
