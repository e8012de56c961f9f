import { IOMMU_IOAS_MAP_FILE, iommu_ioas_map_file } from '../../uapi/headers/linux/iommufd.ts';
import { tryFstat } from '../../uapi/sys-file.ts';
import type { BufferObject, Outcome } from '../contract.ts';
import { makeAddressSpace, READ_WRITE, unmapFrom } from '../iommufd-space.ts';
import { call } from '../vfio-call.ts';

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

  /**
   * The whole of a dma-buf. Linux takes those of VFIO alone, from 7.0 on: EOPNOTSUPP for others.
   * Source: drivers/iommu/iommufd/io_pagetable.c, iopt_map_file_pages(); pages.c, iopt_map_dmabuf()
   */
  import(dmabuf: number): Outcome<MappedDmabuf> {
    const status = tryFstat(dmabuf);
    if (!status.ok) return { ok: false, errno: status.errno, call: 'fstat' };
    const length = status.value.sizeBytes;
    const space = this.#space();
    if (!space.ok) return space;
    const { size } = iommu_ioas_map_file;
    const want = { size, flags: READ_WRITE, ioas_id: space.value, fd: dmabuf, length };
    const arg = iommu_ioas_map_file.make(want);
    const mapped = call(this.#iommu, IOMMU_IOAS_MAP_FILE, arg);
    if (!mapped.ok) return mapped;
    return { ok: true, value: { size: length, iova: iommu_ioas_map_file.get(arg, 'iova') } };
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
