import { plainName, type TracedFunction, type Watched } from '../executed-functions.ts';
import type { SuiteTimes } from '../own-suite.ts';

/** What the guest measures and the host prints: JSON, the last line of each of the guest's scripts. */

/** Drivers and their library, modules in Debian's kernels, that are watched whole. */
const MODULES = ['drm_shmem_helper', 'vgem', 'virtio_gpu', 'qxl', 'vkms'];

/** What is in the kernel proper, by the names that its files give to their functions. */
const BUILT_IN: Readonly<Record<string, RegExp>> = {
  // drivers/dma-buf/dma-heap.c, heaps/system_heap.c
  'dma-heap': /^(?:dma_heap_\w+|system_heap_\w+|dup_sg_table|alloc_largest_available)$/,
  // drivers/dma-buf/udmabuf.c
  udmabuf:
    /^(?:\w*udmabuf\w*|get_sg_table|put_sg_table|unpin_all_folios|add_to_unpin_list|check_memfd_seals)$/,
  // drivers/dma-buf/dma-buf.c, sync_file.c
  'dma-buf': /^(?:dma_buf|sync_file)_\w+$/,
};

/**
 * The parts of the kernel that are watched. Of the module `drm` it is the handlers alone: it takes
 * the kernel longer to set a probe the more there are.
 */
export function watchedParts(handlers: ReadonlySet<string>): Watched {
  return (name, module) => {
    if (module === 'drm') return handlers.has(plainName(name)) ? module : undefined;
    if (module !== '') return MODULES.find((known) => known === module);
    const plain = plainName(name);
    return Object.entries(BUILT_IN).find(([, pattern]) => pattern.test(plain))?.[0];
  };
}

/** A function behind entries of drm_ioctls[]. */
export interface Handler {
  readonly functionName: string;
  /** `DRM_IOCTL_VERSION` */
  readonly ioctls: readonly string[];
  readonly isExecuted: boolean;
  /** At least once it returned no errno; undefined where the kernel cannot tell. */
  readonly hasSucceeded?: boolean;
}

export interface Coverage {
  readonly functions: readonly TracedFunction[];
  readonly handlers: readonly Handler[];
}

export interface Side {
  readonly times: SuiteTimes;
  readonly coverage: Coverage;
}

export interface Igt extends Side {
  /** `2.5-1` */
  readonly version: string;
}

/** Of one boot. */
export interface Ours {
  readonly kernel: string;
  /** Those of our suite whose devices points were executed on. */
  readonly providers: readonly string[];
  readonly ours: Side;
  /** Cases behind our points. */
  readonly ourCases: number;
}

export interface Measurement extends Ours {
  /** Of the next one; absent where the package could not be had. */
  readonly igt?: Igt;
}
