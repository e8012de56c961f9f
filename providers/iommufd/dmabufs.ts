import { tryFstat } from '../../uapi/sys-file.ts';
import type { BufferObject, Outcome } from '../contract.ts';
import { makeAddressSpace, mapFile, unmapFrom } from '../iommufd-space.ts';

/** A dma-buf in an address space, at an address that the kernel chose. */
interface MappedDmabuf extends BufferObject {
  readonly iova: bigint;
}

/** dma-bufs in an address space that is made for the first of them. */
export class DmabufSpace {
  readonly #iommu: number;
  #ioas: number | undefined;

  constructor(iommu: number) {
    this.#iommu = iommu;
  }

  /** The whole of a dma-buf. */
  import(dmabuf: number): Outcome<MappedDmabuf> {
    const status = tryFstat(dmabuf);
    if (!status.ok) return { ok: false, errno: status.errno, call: 'fstat' };
    const length = status.value.sizeBytes;
    const space = this.#space();
    if (!space.ok) return space;
    const mapped = mapFile(this.#iommu, { ioas: space.value, file: dmabuf, length });
    return mapped.ok ? { ok: true, value: { size: length, iova: mapped.value } } : mapped;
  }

  free(buffer: BufferObject): Outcome<undefined> {
    if (!('iova' in buffer)) throw new TypeError('the buffer of another driver: it has no IOVA');
    const { iova, size } = buffer as MappedDmabuf;
    const gone = unmapFrom(this.#iommu, this.#ioas ?? 0, iova, size);
    return gone.ok ? { ok: true, value: undefined } : gone;
  }

  #space(): Outcome<number> {
    if (this.#ioas !== undefined) return { ok: true, value: this.#ioas };
    const made = makeAddressSpace(this.#iommu);
    if (made.ok) this.#ioas = made.value;
    return made;
  }
}
