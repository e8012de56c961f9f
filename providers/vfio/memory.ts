import { F_DUPFD_CLOEXEC, MAP_SHARED } from '../../uapi/constants.ts';
import { E } from '../../uapi/errno.ts';
import {
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_UNMAP_DMA,
  vfio_iommu_type1_dma_map,
  vfio_iommu_type1_dma_unmap,
} from '../../uapi/headers/linux/vfio.ts';
import { tryClose } from '../../uapi/sys.ts';
import { tryFcntl } from '../../uapi/sys-file.ts';
import { pageSize, tryMmap, tryMunmap } from '../../uapi/sys-memory.ts';
import type { BufferObject, MapPlan, Outcome, RegisterRequest } from '../contract.ts';
import { call } from './open.ts';

/** Host memory that the device reaches. */
export interface Registered extends BufferObject {
  /** Where the device sees it. */
  readonly iova: bigint;
  /** A descriptor of the memfd that is the session's own, and where in it the buffer starts. */
  readonly memfd: number;
  readonly offset: bigint;
}

/**
 * Device addresses that are given out: what 28 bits reach (edu's mask), without the first MiB, so
 * that a device which takes 0 for an address is caught.
 */
const FIRST = 1n << 20n;
const END = 1n << 28n;

/** The DMA mappings of one container. */
export class DmaMemory {
  readonly #container: number;
  readonly #buffers = new Set<Registered>();

  constructor(container: number) {
    this.#container = container;
  }

  get count(): number {
    return this.#buffers.size;
  }

  /**
   * VFIO_IOMMU_MAP_DMA pins the pages; they are mapped here only for as long as that takes.
   * Source: drivers/vfio/vfio_iommu_type1.c, vfio_dma_do_map()
   */
  register(want: RegisterRequest): Outcome<Registered> {
    const { size, offset } = want;
    const iova = this.#place(size);
    if (iova === undefined) return { ok: false, errno: E.ENOSPC, call: 'looking for an IOVA' };
    const place = { fd: want.memfd, length: size, offset, flags: MAP_SHARED };
    const { address, errno } = tryMmap(place);
    if (errno !== 0) return { ok: false, errno, call: 'mmap of the memfd' };
    const flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
    const argsz = vfio_iommu_type1_dma_map.size;
    const arg = vfio_iommu_type1_dma_map.make({ argsz, flags, vaddr: address, iova, size });
    const mapped = call(this.#container, VFIO_IOMMU_MAP_DMA, arg);
    tryMunmap(address, size);
    if (!mapped.ok) return mapped;
    const { ret: memfd } = tryFcntl(want.memfd, F_DUPFD_CLOEXEC);
    const buffer = { size, iova, memfd, offset };
    this.#buffers.add(buffer);
    return { ok: true, value: buffer };
  }

  free(buffer: BufferObject): Outcome<undefined> {
    const known = this.of(buffer);
    const argsz = vfio_iommu_type1_dma_unmap.size;
    const { iova, size } = known;
    const arg = vfio_iommu_type1_dma_unmap.make({ argsz, iova, size });
    const unmapped = call(this.#container, VFIO_IOMMU_UNMAP_DMA, arg);
    if (!unmapped.ok) return unmapped;
    if (this.#buffers.delete(known)) tryClose(known.memfd);
    const gone = vfio_iommu_type1_dma_unmap.get(arg, 'size');
    if (gone === size) return { ok: true, value: undefined };
    return {
      ok: false,
      errno: E.ENOENT,
      call: `VFIO_IOMMU_UNMAP_DMA, which unmapped ${gone} bytes`,
    };
  }

  map(buffer: BufferObject): Outcome<MapPlan> {
    const { memfd, offset } = this.of(buffer);
    return { ok: true, value: { fd: memfd, offset } };
  }

  /** The buffer with its address; one of another driver is the case's mistake. */
  of(buffer: BufferObject): Registered {
    if ('iova' in buffer && 'memfd' in buffer) return buffer as Registered;
    throw new TypeError('the buffer of another driver: it has no IOVA');
  }

  /** Closes what the mappings held here; the kernel unmaps them with the container. */
  release(): void {
    for (const { memfd } of this.#buffers) tryClose(memfd);
    this.#buffers.clear();
  }

  /** The first gap that is large enough, a page away from what is there, so that overruns fault. */
  #place(size: bigint): bigint | undefined {
    const page = BigInt(pageSize());
    let at = FIRST;
    const taken = [...this.#buffers].sort((a, b) => (a.iova < b.iova ? -1 : 1));
    for (const { iova, size: length } of taken) {
      if (at + size + page <= iova) break;
      const end = iova + length + page;
      at = ((end + page - 1n) / page) * page;
    }
    return at + size <= END || size >= END ? at : undefined;
  }
}
