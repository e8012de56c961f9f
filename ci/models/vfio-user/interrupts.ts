import { E, type Errno } from '../../../uapi/errno.ts';
import {
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_TYPE_MASK,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_IRQ_SET_DATA_TYPE_MASK,
  VFIO_PCI_MSIX_IRQ_INDEX,
  vfio_irq_set,
} from '../../../uapi/headers/linux/vfio.ts';
import { tryClose, tryWrite } from '../../../uapi/sys.ts';

/** A request of VFIO_DEVICE_SET_IRQS. */
export interface IrqRequest {
  readonly flags: number;
  readonly index: number;
  readonly start: number;
  readonly count: number;
}

export function parseIrqSet(body: Buffer): IrqRequest {
  return {
    flags: vfio_irq_set.get(body, 'flags'),
    index: vfio_irq_set.get(body, 'index'),
    start: vfio_irq_set.get(body, 'start'),
    count: vfio_irq_set.get(body, 'count'),
  };
}

/** What an eventfd takes to be woken once. */
const ONE = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);

/**
 * The eventfds of a device's MSI-X vectors, as the client sets them. Its fds are owned from `set` on.
 * Source: drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_set_msi_trigger()
 */
export class Interrupts {
  readonly #vectors: (number | undefined)[];

  constructor(vectors: number) {
    this.#vectors = new Array(vectors).fill(undefined);
  }

  /** 0, or an errno; then nothing was changed and the fds are still the caller's. */
  set(request: IrqRequest, fds: readonly number[]): Errno {
    const { flags, index, start, count } = request;
    if (index !== VFIO_PCI_MSIX_IRQ_INDEX) return fds.length === 0 ? 0 : E.EINVAL;
    if (start + count > this.#vectors.length) return E.EINVAL;
    // Vectors are masked by QEMU, which then gives none of their eventfds.
    if ((flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) !== VFIO_IRQ_SET_ACTION_TRIGGER) return 0;
    switch (flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
      case VFIO_IRQ_SET_DATA_NONE:
        if (count === 0) this.disable();
        for (let vector = start; vector < start + count; vector++) this.raise(vector);
        return 0;
      case VFIO_IRQ_SET_DATA_EVENTFD:
        // All of them with an eventfd, or all of them without.
        if (fds.length !== 0 && fds.length !== count) return E.EINVAL;
        for (let i = 0; i < count; i++) this.#replace(start + i, fds[i]);
        return 0;
      default:
        return E.EINVAL;
    }
  }

  /** Raises a vector; one without an eventfd is lost. */
  raise(vector: number): void {
    const fd = this.#vectors[vector];
    if (fd !== undefined) tryWrite(fd, ONE);
  }

  disable(): void {
    for (const vector of this.#vectors.keys()) this.#replace(vector, undefined);
  }

  #replace(vector: number, fd: number | undefined): void {
    const old = this.#vectors[vector];
    if (old !== undefined) tryClose(old);
    this.#vectors[vector] = fd;
  }
}
