import { accessMode } from '../uapi/access.ts';
import { O_CLOEXEC } from '../uapi/constants.ts';
import { E } from '../uapi/errno.ts';
import {
  VFIO_DEVICE_FEATURE,
  VFIO_DEVICE_FEATURE_DMA_BUF,
  VFIO_DEVICE_FEATURE_GET,
  vfio_device_feature,
  vfio_device_feature_dma_buf,
  vfio_region_dma_range,
} from '../uapi/headers/linux/vfio.ts';
import { wholePages } from '../uapi/sys-memory.ts';
import type { AllocRequest, BufferObject, ExportRequest, MapPlan, Outcome } from './contract.ts';
import { call } from './vfio-call.ts';
import {
  BAR0,
  CONFIG,
  PCI_COMMAND,
  PCI_COMMAND_MEMORY,
  type Region,
  region,
  writeRegister,
} from './vfio-region.ts';

/**
 * Memory of a PCI function that a BAR shows: its ranges are buffers, which the CPU maps through the
 * function's descriptor and other devices reach by dma-bufs.
 */

/** Functions whose first BAR is memory and nothing else; what others have there may be registers. */
const MODELS: Readonly<Record<string, string>> = { '1234:1111': 'secondary-vga' };

/** What has memory in its first BAR, by vendor and device. */
export function memoryModel(pci: string): string | undefined {
  return MODELS[pci];
}

interface BarRange extends BufferObject {
  /** Bytes from the start of the BAR. */
  readonly start: bigint;
}

/** The ranges of one session. No two overlap, and nobody clears them: they hold what was there. */
export class BarMemory {
  readonly #fd: number;
  readonly #ranges = new Set<BarRange>();
  #bar: Region | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The first gap that is large enough. ENOSPC where the BAR has none. */
  alloc({ size: wanted }: AllocRequest): Outcome<BufferObject> {
    const bar = this.#prepare();
    if (!bar.ok) return bar;
    const size = wholePages(wanted);
    let start = 0n;
    for (const taken of [...this.#ranges].sort((a, b) => (a.start < b.start ? -1 : 1))) {
      if (start + size <= taken.start) break;
      start = taken.start + taken.size;
    }
    if (start + size > bar.value.size) return { ok: false, errno: E.ENOSPC, call: 'a range' };
    const range = { size, start };
    this.#ranges.add(range);
    return { ok: true, value: range };
  }

  /** Whether the buffer is a range of a BAR, also one that was given back. */
  has(buffer: BufferObject): boolean {
    return 'start' in buffer;
  }

  free(buffer: BufferObject): Outcome<undefined> {
    this.#ranges.delete(rangeOf(buffer));
    return { ok: true, value: undefined };
  }

  /** Source: drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_mmap() */
  map(buffer: BufferObject): Outcome<MapPlan> {
    const bar = this.#prepare();
    if (!bar.ok) return bar;
    const { fd, offset } = bar.value;
    return { ok: true, value: { fd, offset: offset + rangeOf(buffer).start } };
  }

  /** New in 6.19. Source: drivers/vfio/pci/vfio_pci_dmabuf.c, vfio_pci_core_feature_dma_buf() */
  exportDmabuf(buffer: BufferObject, how: ExportRequest): Outcome<number> {
    const { start: offset, size: length } = rangeOf(buffer);
    const fixed = vfio_device_feature.size + vfio_device_feature_dma_buf.size;
    const argsz = fixed + vfio_region_dma_range.size;
    const flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
    const argument = Buffer.concat([
      vfio_device_feature.make({ argsz, flags }),
      vfio_device_feature_dma_buf.make({
        region_index: BAR0,
        open_flags: accessMode(how.access ?? 'read-write') | closeOnExec(how),
        nr_ranges: 1,
      }),
      vfio_region_dma_range.make({ offset, length }),
    ]);
    return call(this.#fd, VFIO_DEVICE_FEATURE, argument);
  }

  /** Memory on, since what is off is neither mapped nor attached to: once, at the first range. */
  #prepare(): Outcome<Region> {
    if (this.#bar !== undefined) return { ok: true, value: this.#bar };
    const config = region(this.#fd, CONFIG);
    if (!config.ok) return config;
    const on = writeRegister(config.value, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    if (!on.ok) return on;
    const bar = region(this.#fd, BAR0);
    if (bar.ok) this.#bar = bar.value;
    return bar;
  }
}

function closeOnExec(how: ExportRequest): number {
  return how.closeOnExec === false ? 0 : O_CLOEXEC;
}

function rangeOf(buffer: BufferObject): BarRange {
  if ('start' in buffer) return buffer as BarRange;
  throw new TypeError('the buffer of another driver: it is no range of a BAR');
}
