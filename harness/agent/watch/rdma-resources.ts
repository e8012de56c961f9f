import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { DeviceRecord } from '../../../reports/results.ts';
import { NETLINK_RDMA } from '../../../uapi/headers/linux/netlink.ts';
import { NetlinkSocket } from '../../../uapi/netlink.ts';
import type { NetlinkMessage, NetlinkRequest } from '../../../uapi/netlink-message.ts';
import {
  parseRdmaDevices,
  parseResourceCounts,
  parseResources,
  type RdmaDevice,
  type RdmaResource,
  type ResourceCounts,
  rdmaDevicesRequest,
  resourceCountsRequest,
  resourcesRequest,
} from '../../../uapi/rdma-netlink.ts';
import { type Growth, grown } from './growth.ts';
import { lookAgain, pause } from './patience.ts';
import { isOurs, processName } from './processes.ts';

/** The kernel answers under a driver's locks: one that hangs with them must not hang us. */
const ANSWER_LIMIT_MS = 2000;

/** An RDMA device; several addresses may be one. */
interface Watched {
  readonly name: string;
  readonly index: number;
  readonly countsRequest: NetlinkRequest;
  /** The kernel's answer, and what it means: mostly it is the same again. */
  answer: Buffer;
  counts: ResourceCounts;
  isGone: boolean;
  /** Objects that were there, or were told of: `pd 3`. */
  readonly known: Set<string>;
}

/**
 * Counts the objects of RDMA devices (pd, cq, qp, mr, …) after each point that used them. Loaded only
 * where a selected device is an RDMA one; the points of others cost nothing.
 */
export class RdmaWatch {
  readonly #socket: NetlinkSocket;
  readonly #devices = new Map<string, Watched>();
  #isAnswering = true;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Takes what is there for given. @returns undefined where the kernel does not tell of it */
  static async start(records: readonly DeviceRecord[]): Promise<RdmaWatch | undefined> {
    const opened = NetlinkSocket.tryOpen(NETLINK_RDMA);
    if (!opened.ok) return undefined;
    const watch = new RdmaWatch(opened.value);
    const devices = parseRdmaDevices((await watch.#ask(rdmaDevicesRequest)) ?? []);
    for (const { address, node } of records) {
      const name = rdmaName(node);
      const device = devices.find((one) => one.name === name);
      const same = [...watch.#devices.values()].find(({ index }) => index === device?.index);
      const watched = same ?? (device === undefined ? undefined : await watch.#watch(device));
      if (watched !== undefined) watch.#devices.set(address, watched);
    }
    return watch.#devices.size > 0 ? watch : undefined;
  }

  async #watch({ index, name }: RdmaDevice): Promise<Watched | undefined> {
    const countsRequest = resourceCountsRequest(index);
    const reply = this.#askCounts(countsRequest);
    if (reply === undefined) return undefined;
    const counts = parseResourceCounts(reply);
    const known = new Set<string>();
    const answer = answerOf(reply);
    const watched = { index, name, countsRequest, answer, counts, known, isGone: false };
    for (const kind of counts.keys()) await this.#strangers(watched, kind);
    return watched;
  }

  /** To be called when a point has ended. @returns what stayed on its devices, in words */
  async left(addresses: readonly string[]): Promise<readonly string[]> {
    const leaks: string[] = [];
    for (const watched of new Set(addresses.map((address) => this.#devices.get(address)))) {
      if (watched !== undefined) leaks.push(...(await this.#leftOn(watched)));
    }
    return leaks;
  }

  /** A device that was made again has another index, and what it has then is taken for given. */
  async #watchAnew(watched: Watched): Promise<void> {
    const devices = parseRdmaDevices((await this.#ask(rdmaDevicesRequest)) ?? []);
    const device = devices.find(({ name }) => name === watched.name);
    const anew = device === undefined ? undefined : await this.#watch(device);
    if (anew === undefined) return;
    for (const [address, one] of this.#devices) {
      if (one === watched) this.#devices.set(address, anew);
    }
  }

  async #leftOn(watched: Watched): Promise<readonly string[]> {
    const before = watched.counts;
    const more = await lookAgain(
      async () => grown(before, this.#countsNow(watched)),
      (found) => found.length === 0,
    );
    if (watched.isGone) await this.#watchAnew(watched);
    const leaks: string[] = [];
    for (const one of more) leaks.push(...(await this.#describe(watched, one)));
    return leaks;
  }

  /**
   * Nothing for what processes made that are not ours: the machine may be shared. Nor for what a module of
   * the kernel has for itself: mlx5_ib makes a CQ and a QP of its own when the first memory is registered.
   * Source: drivers/infiniband/hw/mlx5/umr.c, mlx5r_umr_resource_init()
   */
  async #describe(watched: Watched, more: Growth): Promise<readonly string[]> {
    const added = more.after - more.before;
    const strangers = await this.#strangers(watched, more.name);
    const ours = strangers.filter(({ pid, kernelName }) => {
      return kernelName === undefined && (pid === undefined || isOurs(pid));
    });
    if (strangers.length > 0 && ours.length === 0) return [];
    const makers = ours.map((one) => `${more.name} ${one.id} by ${makerOf(one)}`);
    const who = makers.length === 0 ? '' : `: ${makers.join(', ')}`;
    const text = `${added} ${more.name} on ${watched.name} (${more.before} before, ${more.after} after)`;
    return [`${text}${who}`];
  }

  /** The objects of a kind that were not known; they are from now on. */
  async #strangers(watched: Watched, kind: string): Promise<readonly RdmaResource[]> {
    const request = resourcesRequest(watched.index, kind);
    if (request === undefined) return [];
    const present = parseResources(kind, (await this.#ask(request)) ?? []);
    const strangers = present.filter(({ id }) => !watched.known.has(`${kind} ${id}`));
    for (const { id } of strangers) watched.known.add(`${kind} ${id}`);
    return strangers;
  }

  /** The last that was told, for a device that is gone. */
  #countsNow(watched: Watched): ResourceCounts {
    const reply = this.#askCounts(watched.countsRequest);
    if (reply === undefined) {
      watched.isGone = true;
      return watched.counts;
    }
    const answer = answerOf(reply);
    if (!answer.equals(watched.answer)) {
      watched.answer = answer;
      watched.counts = parseResourceCounts(reply);
    }
    return watched.counts;
  }

  /**
   * Asked without a limit: the core counts by itself, under locks that no driver is called with.
   * Source: drivers/infiniband/core/nldev.c, fill_res_info(); restrack.c, rdma_restrack_count()
   */
  #askCounts(request: NetlinkRequest): readonly NetlinkMessage[] | undefined {
    if (!this.#isAnswering) return undefined;
    const outcome = this.#socket.tryRequest(request);
    return outcome.ok ? outcome.value : undefined;
  }

  /** After one question without an answer nothing is asked any more. */
  async #ask(request: NetlinkRequest): Promise<readonly NetlinkMessage[] | undefined> {
    if (!this.#isAnswering) return undefined;
    const outcome = await Promise.race([
      this.#socket.requestLater(request),
      pause(ANSWER_LIMIT_MS),
    ]);
    if (outcome === undefined) this.#isAnswering = false;
    return outcome?.ok === true ? outcome.value : undefined;
  }
}

/**
 * `rxe0` for /dev/infiniband/uverbs0.
 * Source: drivers/infiniband/core/uverbs_main.c, ibdev_show(); user_mad.c, ibdev_show()
 */
function rdmaName(node: string): string | undefined {
  for (const group of ['infiniband_verbs', 'infiniband_mad']) {
    try {
      return readFileSync(`/sys/class/${group}/${basename(node)}/ibdev`, 'utf8').trim();
    } catch {
      // The other class.
    }
  }
  return undefined;
}

function answerOf(reply: readonly NetlinkMessage[]): Buffer {
  return reply[0]?.payload ?? Buffer.alloc(0);
}

function makerOf({ pid }: RdmaResource): string {
  const process = pid === undefined ? undefined : processName(pid);
  return process ?? 'a process that is gone';
}
