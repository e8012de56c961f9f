/**
 * The provider contract: what a provider is, what each verb takes and gives, and what it guarantees.
 * A case relies on the guarantees and on nothing else, so that one case drives any device.
 *
 * Verbs are synchronous: a provider runs in a worker that does one thing at a time and may block, die
 * or be killed. A verb fills the struct, makes the call and returns what the kernel said. It never
 * retries, checks or repairs: that is the business of the case.
 */
import type { Access } from '../uapi/access.ts';
import type { CallOutcome } from '../uapi/call-outcome.ts';
import type { Capability } from './capabilities.ts';
import type { Plug } from './contract-plug.ts';
import type { RdmaVerbs } from './contract-verbs.ts';

export { CAPABILITIES, type Capability, includesCapability } from './capabilities.ts';
export type { Access, CallOutcome as Outcome };

type Outcome<T> = CallOutcome<T>;

/** Rises when a provider written for an older contract would no longer work. */
export const CONTRACT_VERSION = 1;

/** A device as `find()` sees it in sysfs, without opening anything. */
export interface Device {
  /**
   * Survives reboots and kernel updates: `provider@bus:address` for devices on a bus
   * (`virtio-gpu@pci:0000:00:04.0`), `provider@name` for software devices (`dma-heap@system`).
   */
  readonly address: string;
  /** The device node that `open()` opens. */
  readonly node: string;
  /** Other nodes of the same device, by kind: `{render: '/dev/dri/renderD128'}`. */
  readonly otherNodes: Readonly<Record<string, string>>;
  /**
   * What sysfs tells: driver, firmware, ids. `where` is one of the values of {@link Where}. Devices
   * with the same `fabric` can reach each other over their ports; one with `sessions` `one` is opened
   * once at a time, by whichever provider.
   */
  readonly identity: Readonly<Record<string, string>>;
}

/** Where evidence from this device comes from (design: Evidence). */
export type Where = 'metal' | 'software driver' | 'emulated device' | 'device model';

/** What a probe found. Probing opens the device; only selected devices are probed. */
export interface Probe {
  /** Offered capabilities that this device lacks, each with the reason: `EOPNOTSUPP from …`. */
  readonly missing: Readonly<Partial<Record<Capability, string>>>;
  /** Facts that need an open device: driver version and the like. Added to the device's identity. */
  readonly identity: Readonly<Record<string, string>>;
}

export interface OpenRequest {
  /** Default: the device's own node. */
  readonly node?: 'primary' | 'render';
  /** Default: read-write. */
  readonly access?: Access;
  /** O_EXCL */
  readonly exclusive?: boolean;
  /** O_PATH */
  readonly pathOnly?: boolean;
}

export interface AllocRequest {
  /** Bytes. */
  readonly size: bigint;
  readonly access?: Access;
  readonly closeOnExec?: boolean;
}

export interface RegisterRequest {
  /** A memfd whose pages are to be registered. */
  readonly memfd: number;
  readonly offset: bigint;
  readonly size: bigint;
  readonly closeOnExec?: boolean;
}

export interface ExportRequest {
  /** CPU access of the descriptor. Default: read-write. */
  readonly access?: Access;
  /** Default: true. */
  readonly closeOnExec?: boolean;
}

/** A buffer object of a session. Freeing it is the business of whoever asked for it. */
export interface BufferObject {
  /** Bytes, as the kernel granted them. */
  readonly size: bigint;
  /** Bytes from its start that jobs reach; absent when they reach all. */
  readonly jobBytes?: bigint;
  /** The driver's handle, where it has handles. */
  readonly handle?: number;
  /** Where the driver has no handles but descriptors: the buffer's own dma-buf descriptor. */
  readonly fd?: number;
}

/** What mmap(2) needs to map a buffer, or memory of a device, from the start of its first page. */
export interface MapPlan {
  readonly fd: number;
  readonly offset: bigint;
}

/** A pending software fence of a session. */
export interface SoftwareFence {
  readonly id: number;
}

/** Bytes of one buffer that a job copies to another place, or to another buffer of the session. */
export interface CopyJob {
  readonly source: BufferObject;
  readonly sourceOffset: bigint;
  readonly target: BufferObject;
  readonly targetOffset: bigint;
  readonly size: bigint;
}

/** Bytes of a buffer that a job fills with a 32-bit value; offset and size are multiples of 4. */
export interface FillJob {
  readonly target: BufferObject;
  readonly offset: bigint;
  readonly size: bigint;
  readonly value: number;
}

/** What a job waits for and what it signals. Descriptors and handles stay the caller's. */
export interface SubmitRequest {
  /** A sync_file descriptor. */
  readonly fenceIn?: number;
  /** Asks for a sync_file of the job. */
  readonly fenceOut?: boolean;
  /** Handles of syncobjs of this session. */
  readonly syncobjsIn?: readonly number[];
  readonly syncobjsOut?: readonly number[];
}

/** A job that the kernel has accepted. */
export interface Job {
  /** The driver's own number for it, or one of the provider's. */
  readonly id: number;
  /** The sync_file that was asked for: the caller's. */
  readonly fence?: number;
}

/** One open file on a device. All objects made through it are its own. */
export interface Session {
  readonly fd: number;

  /**
   * Allocates a buffer.
   * Guarantees: on success the buffer holds at least `size` bytes, reads as zero, is idle, and nobody
   * else sees it; on failure nothing was allocated. Of a device that has `buffer` and not `alloc`, it
   * is none of the session's other buffers, and reads as whoever had it left it.
   */
  alloc?(want: AllocRequest): Outcome<BufferObject>;

  /**
   * Makes host memory known to the device.
   * Guarantees: on success the buffer is the memory itself and no copy: what either side writes the
   * other reads. The pages stay until the buffer is freed, also when the memfd is closed before.
   */
  register?(want: RegisterRequest): Outcome<BufferObject>;

  /**
   * Gives up the session's claim on a buffer, also of one that was freed or imported.
   * Guarantees: the memory lives on while a mapping, a dma-buf or an importer holds it.
   */
  free?(buffer: BufferObject): Outcome<undefined>;

  /**
   * Where the CPU finds the buffer.
   * Guarantees: mmap(2) with the plan, MAP_SHARED and a length up to the buffer's size maps the
   * buffer from its start; the mapping outlives the buffer and the session.
   */
  map?(buffer: BufferObject): Outcome<MapPlan>;

  /**
   * Makes a dma-buf descriptor of the buffer.
   * Guarantees: the caller owns the descriptor; the dma-buf outlives the buffer and the session.
   */
  exportDmabuf?(buffer: BufferObject, how: ExportRequest): Outcome<number>;

  /**
   * Makes a buffer of a dma-buf descriptor, which stays the caller's and may be closed afterwards.
   * Guarantees: the buffer is the exporter's memory and no copy.
   */
  importDmabuf?(dmabuf: number): Outcome<BufferObject>;

  /**
   * Attaches a pending software fence: `write` for a job that writes the buffer, `read` for one that
   * reads it.
   * Guarantees: the fence signals when `signalFence` is called or the session closes, and by itself
   * after a time that the driver sets.
   */
  attachFence?(buffer: BufferObject, access: 'read' | 'write'): Outcome<SoftwareFence>;
  signalFence?(fence: SoftwareFence): Outcome<undefined>;

  /**
   * Makes a sync_file whose fence signals when the session's timeline has come to `value`. Timelines
   * begin at 0 and count in 32 bits: what is less than 2^31 steps ahead is still to come.
   * Guarantees: the caller owns the descriptor; a point that was passed is signalled from the start;
   * the fences that are pending when the session closes signal with an error.
   */
  makeFence?(value: number): Outcome<number>;
  /** Counts the session's timeline on, up to 2^32 - 1 steps at once. */
  advance?(count: number): Outcome<undefined>;

  /**
   * Puts a job into the device's queue, built of the packets that the hardware reads.
   * Guarantees: success means that the kernel accepted it, not that it is done; the job touches the
   * bytes that it names and no others.
   */
  submitCopy?(job: CopyJob, how: SubmitRequest): Outcome<Job>;
  submitFill?(job: FillJob, how: SubmitRequest): Outcome<Job>;

  /**
   * Waits for a job, at most so long; what a driver says of one that takes longer is its own
   * (EBUSY, ETIME, ETIMEDOUT).
   * Guarantees: after success the job is done, and the CPU sees it; where the device works on a copy
   * of the buffer (`job-shadow`), after `transfer`.
   */
  waitJob?(job: Job, timeoutMs: number): Outcome<undefined>;

  /**
   * Moves the content of a buffer between the CPU's side and the device's, and waits until it is
   * there. Only where these are two (`job-shadow`).
   */
  transfer?(buffer: BufferObject, to: 'device' | 'cpu'): Outcome<undefined>;

  /** Other descriptors of the session, by name: `container` and `group` of VFIO. */
  readonly otherFds?: Readonly<Record<string, number>>;

  /** Verbs of an RDMA device. */
  readonly verbs?: RdmaVerbs;

  /** Objects that the driver holds for this session, by kind: for finding what stays behind. */
  counts?(): Outcome<Readonly<Record<string, number>>>;

  /** Closes the file. Guarantees: everything made through it is released, as close(2) does. */
  close(): Outcome<undefined>;
}

/** The module that drives one kernel driver. Exported as `provider` from `providers/<name>/index.ts`. */
export interface Provider {
  /** The contract that it was written for: CONTRACT_VERSION of that time. */
  readonly contract: number;
  /** The folder's name; the part of an address before `@`. */
  readonly name: string;
  readonly title: string;
  /** The kernel driver: as DRM's VERSION or the module names it. */
  readonly driver: string;
  /** Drivers of the same uAPI, where `identity.driver` of each device says which it is. */
  readonly family?: readonly string[];
  readonly offers: readonly Capability[];
  /**
   * The generated headers (`drm/vgem-drm`, a path under uapi/headers without extension) whose
   * commands a session of this provider answers; `ioctl` steps look their names up here.
   */
  readonly headers: readonly string[];

  /** Finds devices in sysfs. Has no side effects: opens no device node, loads no module. */
  find(): readonly Device[];

  /** Opens the device and finds out what it can do. Leaves it as it was. */
  probe(device: Device): Outcome<Probe>;

  open(device: Device, how: OpenRequest): Outcome<Session>;

  /** A session over a descriptor of the device that came by dup(2) or from another process. */
  adopt(device: Device, fd: number): Session;

  /** Where devices can be removed and made again, and their ports be switched. */
  readonly plug?: Plug;
}
