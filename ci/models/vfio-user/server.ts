import { PROT_READ, PROT_WRITE } from '../../../uapi/constants.ts';
import { E, type Errno } from '../../../uapi/errno.ts';
import {
  VFIO_DEVICE_FLAGS_PCI,
  VFIO_DEVICE_FLAGS_RESET,
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  VFIO_IRQ_INFO_EVENTFD,
  VFIO_IRQ_INFO_NORESIZE,
  VFIO_PCI_CONFIG_REGION_INDEX,
  VFIO_PCI_MSIX_IRQ_INDEX,
  VFIO_PCI_NUM_IRQS,
  VFIO_PCI_NUM_REGIONS,
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
  vfio_irq_info,
  vfio_region_info,
} from '../../../uapi/headers/linux/vfio.ts';
import { tryClose } from '../../../uapi/sys.ts';
import { Channel } from './channel.ts';
import { ConfigSpace } from './config-space.ts';
import type { Bar, DeviceModel, MakeDevice } from './device.ts';
import { GuestMemory } from './guest-memory.ts';
import { Interrupts, parseIrqSet } from './interrupts.ts';
import {
  ACCESS_BYTES,
  COMMAND,
  type Message,
  makeReply,
  parseAccess,
  parseDmaMap,
  parseDmaUnmap,
  type RegionAccess,
  UNMAP_ALL,
  versionReply,
} from './protocol.ts';

/** A request that is refused; what asked for it goes on. */
class Refusal extends Error {
  readonly errno: Errno;

  constructor(errno: Errno) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

const NOTHING = Buffer.alloc(0);

/** Serves a device on a connected socket until QEMU goes. @param say takes lines for people */
export function serveDevice(socket: number, make: MakeDevice, say: (line: string) => void): void {
  const channel = new Channel(socket);
  const server = new Server(make, say);
  for (;;) {
    const waitMs = (server.wakeAtMs ?? Number.POSITIVE_INFINITY) - performance.now();
    if (waitMs <= 0 || (Number.isFinite(waitMs) && !channel.hasInput(waitMs))) {
      server.wake();
      continue;
    }
    const next = channel.receive();
    if (next === undefined) return;
    const { message, fds } = next;
    const answer = server.answer(message, fds);
    if (message.wantsReply && !channel.send(answer, server.filesFor(message))) return;
  }
}

/** A device behind the protocol. */
export class Server {
  readonly #memory = new GuestMemory();
  readonly #device: DeviceModel;
  readonly #config: ConfigSpace;
  readonly #interrupts: Interrupts;
  readonly #say: (line: string) => void;

  constructor(make: MakeDevice, say: (line: string) => void) {
    this.#say = say;
    this.#device = make({
      memory: this.#memory,
      barAddress: (index) => this.#config.barAddress(index),
      interrupt: (vector) => this.#interrupts.raise(vector),
      say,
    });
    this.#config = new ConfigSpace(this.#device, () => this.#device.reset());
    this.#interrupts = new Interrupts(this.#device.msix.vectors);
  }

  get wakeAtMs(): number | undefined {
    return this.#device.wakeAtMs;
  }

  wake(): void {
    this.#device.wake?.();
  }

  /** What goes with an answer: the file of a region. */
  filesFor({ command, body }: Message): readonly number[] {
    if (command !== COMMAND.DEVICE_GET_REGION_INFO || body.length < 12) return [];
    const fd = this.#barAt(vfio_region_info.get(body, 'index'))?.fd;
    return fd === undefined ? [] : [fd];
  }

  /** What answers a message; what goes wrong on the way is an error reply. */
  answer(message: Message, fds: readonly number[]): Buffer {
    const kept = new Set<number>();
    try {
      if (message.isReply) throw new Refusal(E.EINVAL);
      return makeReply(
        message,
        this.#handle(message, fds, (fd) => kept.add(fd)),
      );
    } catch (error) {
      const errno = error instanceof Refusal ? error.errno : E.EINVAL;
      if (!(error instanceof Refusal)) this.#say(`command ${message.command}: ${String(error)}`);
      return makeReply(message, NOTHING, errno);
    } finally {
      for (const fd of fds) if (!kept.has(fd)) tryClose(fd);
    }
  }

  #handle({ command, body }: Message, fds: readonly number[], keep: (fd: number) => void): Buffer {
    switch (command) {
      case COMMAND.VERSION:
        return versionReply();
      case COMMAND.DEVICE_GET_INFO:
        return deviceInfo();
      case COMMAND.DEVICE_GET_REGION_INFO:
        return this.#regionInfo(vfio_region_info.get(body, 'index'));
      case COMMAND.DEVICE_GET_IRQ_INFO:
        return this.#irqInfo(vfio_irq_info.get(body, 'index'));
      case COMMAND.DEVICE_SET_IRQS:
        mustBeFine(this.#interrupts.set(parseIrqSet(body), fds));
        for (const fd of fds) keep(fd);
        return NOTHING;
      case COMMAND.DMA_MAP:
        return this.#mapMemory(body, fds[0]);
      case COMMAND.DMA_UNMAP:
        return this.#unmapMemory(body);
      case COMMAND.REGION_READ:
        return this.#readRegion(body);
      case COMMAND.REGION_WRITE:
        this.#writeRegion(parseAccess(body), body.subarray(ACCESS_BYTES));
        return body.subarray(0, ACCESS_BYTES);
      case COMMAND.REGION_WRITE_MULTI:
        return this.#writeMany(body);
      case COMMAND.DEVICE_RESET:
        this.#reset();
        return NOTHING;
      default:
        throw new Refusal(E.EOPNOTSUPP);
    }
  }

  #reset(): void {
    this.#device.reset();
    this.#config.reset();
  }

  #sizeOf(region: number): number {
    if (region === VFIO_PCI_CONFIG_REGION_INDEX) return ConfigSpace.sizeBytes;
    return this.#barAt(region)?.sizeBytes ?? 0;
  }

  #barAt(region: number): Bar | undefined {
    return this.#device.bars.find(({ index }) => index === region);
  }

  #regionInfo(index: number): Buffer {
    if (index >= VFIO_PCI_NUM_REGIONS) throw new Refusal(E.EINVAL);
    const size = this.#sizeOf(index);
    const access = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    const mapped = this.#barAt(index)?.fd === undefined ? 0 : VFIO_REGION_INFO_FLAG_MMAP;
    const flags = size === 0 ? 0 : access | mapped;
    return vfio_region_info.make({ argsz: vfio_region_info.size, flags, index, size });
  }

  #irqInfo(index: number): Buffer {
    if (index >= VFIO_PCI_NUM_IRQS) throw new Refusal(E.EINVAL);
    const isMsix = index === VFIO_PCI_MSIX_IRQ_INDEX;
    const flags = isMsix ? VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE : 0;
    const count = isMsix ? this.#device.msix.vectors : 0;
    return vfio_irq_info.make({ argsz: vfio_irq_info.size, flags, index, count });
  }

  #mapMemory(body: Buffer, fd: number | undefined): Buffer {
    const { flags, fileOffset, address, size } = parseDmaMap(body);
    const prot =
      ((flags & VFIO_DMA_MAP_FLAG_READ) === 0 ? 0 : PROT_READ) |
      ((flags & VFIO_DMA_MAP_FLAG_WRITE) === 0 ? 0 : PROT_WRITE);
    const file = fd === undefined ? {} : { fd };
    mustBeFine(this.#memory.map({ address, size, prot, fileOffset, ...file }));
    return NOTHING;
  }

  #unmapMemory(body: Buffer): Buffer {
    const { flags, address, size } = parseDmaUnmap(body);
    if ((flags & UNMAP_ALL) === 0) this.#memory.unmap({ address, size });
    else this.#memory.unmapAll();
    return body;
  }

  #checkAccess({ region, offset, count }: RegionAccess): void {
    if (offset + count > this.#sizeOf(region)) throw new Refusal(E.EINVAL);
  }

  #readRegion(body: Buffer): Buffer {
    const access = parseAccess(body);
    this.#checkAccess(access);
    const { region, offset, count } = access;
    const data =
      region === VFIO_PCI_CONFIG_REGION_INDEX
        ? this.#config.read(offset, count)
        : this.#device.readBar(region, offset, count);
    return Buffer.concat([body.subarray(0, ACCESS_BYTES), data]);
  }

  #writeRegion(access: RegionAccess, data: Buffer): void {
    this.#checkAccess(access);
    if (data.length !== access.count) throw new Refusal(E.EINVAL);
    const { region, offset } = access;
    if (region === VFIO_PCI_CONFIG_REGION_INDEX) this.#config.write(offset, data);
    else this.#device.writeBar(region, offset, data);
  }

  /** u64 count, and so many accesses with eight bytes of room for their data. */
  #writeMany(body: Buffer): Buffer {
    const writes = Number(body.readBigUInt64LE(0));
    const stride = ACCESS_BYTES + 8;
    for (let at = 8; at < 8 + writes * stride; at += stride) {
      const access = parseAccess(body, at);
      this.#writeRegion(access, body.subarray(at + ACCESS_BYTES, at + ACCESS_BYTES + access.count));
    }
    return body.subarray(0, 8);
  }
}

function mustBeFine(errno: Errno): void {
  if (errno !== 0) throw new Refusal(errno);
}

/** As struct vfio_device_info was before it had capabilities: this is what the protocol fixed. */
function deviceInfo(): Buffer {
  const info = Buffer.alloc(16);
  info.writeUInt32LE(info.length, 0);
  info.writeUInt32LE(VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET, 4);
  info.writeUInt32LE(VFIO_PCI_NUM_REGIONS, 8);
  info.writeUInt32LE(VFIO_PCI_NUM_IRQS, 12);
  return info;
}
