import { F_DUPFD_CLOEXEC, MAP_SHARED } from '../uapi/constants.ts';
import { trySize } from '../uapi/dma-buf.ts';
import { E } from '../uapi/errno.ts';
import { tryClose } from '../uapi/sys.ts';
import { tryFcntl } from '../uapi/sys-file.ts';
import { pageSize, tryMmap, tryMunmap, wholePages } from '../uapi/sys-memory.ts';
import type { BufferObject, MapPlan, Outcome, RegisterRequest } from './contract.ts';

/** Memory that the device reaches. */
export interface Mapped extends BufferObject {
  /** Where the device sees it. */
  readonly iova: bigint;
  /** Of host memory: a descriptor of the memfd that is the session's own, and where the buffer starts. */
  readonly host?: { readonly memfd: number; readonly offset: bigint };
}

/**
 * Device addresses that are given out: what 28 bits reach (edu's mask), without the first MiB, so
 * that a device which takes 0 for an address is caught.
 */
const FIRST = 1n << 20n;
const END = 1n << 28n;

/** What maps memory for a device: a container of type 1, or an address space of iommufd. */
export interface DmaMapper {
  /** Pins the pages behind an address of this process, for the device to read and write. */
  map(address: bigint, iova: bigint, size: bigint): Outcome<undefined>;
  /** The whole of a dma-buf, where there is a way. */
  mapDmabuf?(dmabuf: number, iova: bigint, size: bigint): Outcome<undefined>;
  /** Gives the bytes that were unmapped. */
  unmap(iova: bigint, size: bigint): Outcome<bigint>;
}

/** The DMA mappings of one session. */
export class DmaMemory {
  readonly #mapper: DmaMapper;
  readonly #buffers = new Set<Mapped>();

  constructor(mapper: DmaMapper) {
    this.#mapper = mapper;
  }

  get count(): number {
    return this.#buffers.size;
  }

  /** The kernel pins the pages; they are mapped here only for as long as that takes. */
  register(want: RegisterRequest): Outcome<Mapped> {
    const { size, offset } = want;
    const iova = this.#place(size);
    if (iova === undefined) return { ok: false, errno: E.ENOSPC, call: 'looking for an IOVA' };
    const place = { fd: want.memfd, length: size, offset, flags: MAP_SHARED };
    const { address, errno } = tryMmap(place);
    if (errno !== 0) return { ok: false, errno, call: 'mmap of the memfd' };
    const kept = tryFcntl(want.memfd, F_DUPFD_CLOEXEC);
    const mapped =
      kept.errno === 0
        ? this.#mapper.map(address, iova, size)
        : ({ ok: false, errno: kept.errno, call: 'fcntl F_DUPFD_CLOEXEC' } as const);
    tryMunmap(address, size);
    if (mapped.ok) return this.#keep({ size, iova, host: { memfd: kept.ret, offset } });
    if (kept.errno === 0) tryClose(kept.ret);
    return mapped;
  }

  /** A dma-buf says how large it is. */
  import(dmabuf: number): Outcome<Mapped> {
    const told = trySize(dmabuf);
    if (!told.ok) return { ok: false, errno: told.errno, call: 'lseek' };
    const size = told.value;
    const iova = this.#place(size);
    if (iova === undefined) return { ok: false, errno: E.ENOSPC, call: 'looking for an IOVA' };
    const mapped = this.#mapper.mapDmabuf?.(dmabuf, iova, size);
    if (mapped === undefined) throw new TypeError('a container maps no dma-bufs');
    return mapped.ok ? this.#keep({ size, iova }) : mapped;
  }

  #keep(buffer: Mapped): Outcome<Mapped> {
    this.#buffers.add(buffer);
    return { ok: true, value: buffer };
  }

  free(buffer: BufferObject): Outcome<undefined> {
    const known = this.of(buffer);
    const { iova, size } = known;
    const unmapped = this.#mapper.unmap(iova, size);
    if (!unmapped.ok) return unmapped;
    if (this.#buffers.delete(known)) closeHost(known);
    if (unmapped.value === size) return { ok: true, value: undefined };
    return { ok: false, errno: E.ENOENT, call: `unmap, which unmapped ${unmapped.value} bytes` };
  }

  map(buffer: BufferObject): Outcome<MapPlan> {
    const { host } = this.of(buffer);
    if (host === undefined) throw new TypeError('the CPU does not map what was imported here');
    return { ok: true, value: { fd: host.memfd, offset: host.offset } };
  }

  /** The buffer with its address; one of another driver is the case's mistake. */
  of(buffer: BufferObject): Mapped {
    if ('iova' in buffer) return buffer as Mapped;
    throw new TypeError('the buffer of another driver: it has no IOVA');
  }

  /** Closes what the mappings held here; the kernel unmaps them with the container. */
  release(): void {
    for (const buffer of this.#buffers) closeHost(buffer);
    this.#buffers.clear();
  }

  /** The first gap that is large enough, a page away from what is there, so that overruns fault. */
  #place(size: bigint): bigint | undefined {
    const page = BigInt(pageSize());
    let at = FIRST;
    const taken = [...this.#buffers].sort((a, b) => (a.iova < b.iova ? -1 : 1));
    for (const { iova, size: length } of taken) {
      if (at + size + page <= iova) break;
      at = wholePages(iova + length + page);
    }
    return at + size <= END || size >= END ? at : undefined;
  }
}

function closeHost({ host }: Mapped): void {
  if (host !== undefined) tryClose(host.memfd);
}
