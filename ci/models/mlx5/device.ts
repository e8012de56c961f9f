import type { Bar, DeviceModel, Host } from '../vfio-user/device.ts';
import { Capabilities, type Link } from './capabilities.ts';
import { serveCommands } from './command-queue.ts';
import { Commands } from './commands.ts';
import { completionQueues } from './completion-queues.ts';
import { Completions } from './completions.ts';
import { DataPath } from './data-path.ts';
import { ringDoorbell } from './doorbells.ts';
import { type EventQueue, eventQueues } from './event-queue.ts';
import { commandEvent } from './events.ts';
import { flowCounters } from './flow-counters.ts';
import { flowTables } from './flow-tables.ts';
import * as h from './headers/ifc.ts';
import {
  BAR_BYTES,
  FIRST_UAR,
  MEMIC_BYTES,
  MEMIC_START,
  MSIX_BAR_BYTES,
  MSIX_VECTORS,
  UAR_BYTES,
  UARS,
} from './limits.ts';
import { memoryKeys } from './memory-keys.ts';
import { multicastGroups } from './multicast.ts';
import { Objects } from './objects.ts';
import { PacketPath } from './packet-path.ts';
import { packetRoutes } from './packet-routes.ts';
import { Port } from './port.ts';
import { queuePairs } from './queue-pairs.ts';
import { SEGMENT_BYTES, Segment } from './registers.ts';
import { sharedReceives } from './shared-receives.ts';
import { userContexts } from './users.ts';
import { workQueues } from './work-queues.ts';

const MSIX_BAR = 2;

/** What a reset ends. */
interface Life {
  readonly objects: Objects;
  readonly dataPath: DataPath;
  readonly packetPath: PacketPath;
  readonly commands: Commands;
}

function begin(host: Host, link: Link): Life {
  const objects = new Objects();
  const port = new Port(link);
  const completions = new Completions(objects);
  const capabilities = new Capabilities(link);
  const dataPath = new DataPath({ host, link, objects, completions, capabilities });
  const packetPath = new PacketPath({ host, port, objects, completions });
  const entries = [
    ...port.handlers,
    ...objects.deviceMemory.handlers,
    ...eventQueues(host, objects),
    ...completionQueues(host, objects),
    ...sharedReceives(host, objects),
    ...memoryKeys(objects),
    ...queuePairs(host, objects, dataPath),
    ...dataPath.handlers,
    ...multicastGroups(objects),
    ...workQueues(host, objects, packetPath),
    ...packetRoutes(objects),
    ...flowTables(objects),
    ...flowCounters(objects),
    ...userContexts(objects),
  ];
  const commands = new Commands(capabilities, objects, entries, host.say);
  return { objects, dataPath, packetPath, commands };
}

/** NVIDIA's ConnectX-5, as its driver sees it. */
export class Mlx5Device implements DeviceModel {
  readonly identity = {
    vendorId: 0x15b3,
    deviceId: 0x1017,
    subsystemVendorId: 0x15b3,
    subsystemId: 0,
    revision: 0,
    /** An Ethernet controller, or an InfiniBand one. */
    classCode: 0x020000,
  };
  readonly bars: readonly Bar[] = [
    { index: 0, sizeBytes: BAR_BYTES, is64Bit: true, isPrefetchable: true },
    { index: MSIX_BAR, sizeBytes: MSIX_BAR_BYTES, is64Bit: true, isPrefetchable: false },
  ];
  readonly msix = {
    vectors: MSIX_VECTORS,
    bar: MSIX_BAR,
    tableOffset: 0,
    pendingOffset: MSIX_BAR_BYTES / 2,
  };
  readonly #host: Host;
  readonly #link: Link;
  readonly #segment: Segment;
  #life: Life;

  constructor(host: Host, link: Link) {
    this.#host = host;
    this.#link = link;
    this.#segment = new Segment({ ringCommands: (queue, bits) => this.#ring(queue, bits) });
    this.#life = begin(host, link);
  }

  get wakeAtMs(): number | undefined {
    const { dataPath, packetPath } = this.#life;
    if (dataPath.nextMs === undefined) return packetPath.nextMs;
    return Math.min(dataPath.nextMs, packetPath.nextMs ?? Number.POSITIVE_INFINITY);
  }

  wake(): void {
    this.#life.dataPath.wake();
    this.#life.packetPath.wake();
  }

  readBar(bar: number, offset: number, count: number): Buffer {
    if (bar === 0 && isMemory(offset)) return this.#life.objects.deviceMemory.read(offset, count);
    const bytes = Buffer.alloc(count);
    if (bar !== 0 || offset >= SEGMENT_BYTES) return bytes;
    for (let at = 0; at < count; at++) {
      const word = this.#segment.read((offset + at) & ~3);
      bytes[at] = (word >>> (24 - 8 * ((offset + at) & 3))) & 0xff;
    }
    return bytes;
  }

  writeBar(bar: number, offset: number, data: Buffer): void {
    if (bar !== 0) return;
    if (isMemory(offset)) this.#life.objects.deviceMemory.write(offset, data);
    else if (offset < SEGMENT_BYTES) {
      if (data.length === 4) this.#segment.write(offset, data.readUInt32BE(0));
    } else if (isUar(offset)) ringDoorbell(this.#life, offset, data);
  }

  reset(): void {
    this.#segment.reset();
    this.#life = begin(this.#host, this.#link);
  }

  #ring(queue: number, bits: number): void {
    // Of the command that makes their queue, or takes it away, there is no event: the driver polls for it.
    const before = this.#tellers(h.MLX5_EVENT_TYPE_CMD);
    const done = serveCommands(this.#host, queue, bits, (input, bytes) =>
      this.#life.commands.execute(input, bytes),
    );
    const data = commandEvent(done);
    const after = this.#tellers(h.MLX5_EVENT_TYPE_CMD);
    for (const eq of after) if (before.includes(eq)) eq.post(h.MLX5_EVENT_TYPE_CMD, data);
  }

  #tellers(type: number): readonly EventQueue[] {
    return [...this.#life.objects.eqs.values()].filter((eq) => eq.wants(type));
  }
}

function isMemory(offset: number): boolean {
  return offset >= MEMIC_START && offset < MEMIC_START + MEMIC_BYTES;
}

function isUar(offset: number): boolean {
  const uar = Math.floor(offset / UAR_BYTES);
  return uar >= FIRST_UAR && uar < FIRST_UAR + UARS;
}
