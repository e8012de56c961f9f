import type { Bar, DeviceModel, MsixPlace } from './device.ts';

/**
 * The configuration space of a PCI Express endpoint: type 0 header, a PCI Express and an MSI-X
 * capability, nothing in the extended space. QEMU keeps what concerns interrupts and addresses itself
 * and hands on all writes; what is here must be right for what it reads, and for a client that trusts it.
 * Layout: PCI Local Bus Specification 3.0, chapter 6; PCI Express Base Specification, chapter 7.
 */
const SPACE_BYTES = 4096;

const COMMAND = 0x04;
const STATUS = 0x06;
const FIRST_BAR = 0x10;
const BAR_FLAGS = 0xf;
const BAR_IS_64_BIT = 0x4;
const CAPABILITIES = 0x34;
const INTERRUPT_LINE = 0x3c;
const EXPRESS = 0x40;
const EXPRESS_DEVICE_CONTROL = EXPRESS + 0x08;
const MSIX = 0x80;

const STATUS_HAS_CAPABILITIES = 0x10;
/** Memory space, bus mastering, parity, SERR#, no INTx. */
const COMMAND_WRITABLE = 0x0546;
const COMMAND_MEMORY = 0x2;
const CAPABILITY_EXPRESS = 0x10;
const CAPABILITY_MSIX = 0x11;
/** Version 2, an endpoint. */
const EXPRESS_FLAGS = 0x0002;
/** Role-based errors, and a reset of the function (FLR). */
const EXPRESS_DEVICE_CAPABILITIES = 0x1000_8000;
/** 8 GT/s, 16 lanes. */
const EXPRESS_LINK = 0x0103;
const START_FUNCTION_RESET = 0x8000;

export class ConfigSpace {
  static readonly sizeBytes = SPACE_BYTES;
  readonly #initial: Buffer;
  readonly #bytes: Buffer;
  /** One bits can be written. */
  readonly #writable = Buffer.alloc(SPACE_BYTES);
  readonly #onReset: () => void;

  /** @param onReset the guest starts a reset of the function through the space */
  constructor(device: Pick<DeviceModel, 'identity' | 'bars' | 'msix'>, onReset: () => void) {
    this.#onReset = onReset;
    this.#initial = describeDevice(device);
    this.#bytes = Buffer.from(this.#initial);
    this.#writable.writeUInt16LE(COMMAND_WRITABLE, COMMAND);
    this.#writable.writeUInt8(0xff, INTERRUPT_LINE);
    this.#writable.writeUInt16LE(0x70ff, EXPRESS_DEVICE_CONTROL);
    this.#writable.writeUInt16LE(0xc000, MSIX + 2);
    for (const bar of device.bars) {
      const at = FIRST_BAR + 4 * bar.index;
      // The bits below the size cannot be written, so that all ones read back as the size.
      this.#writable.writeUInt32LE(-bar.sizeBytes >>> 0, at);
      if (bar.is64Bit) this.#writable.writeUInt32LE(highBits(bar), at + 4);
    }
  }

  read(offset: number, count: number): Buffer {
    const bytes = Buffer.alloc(count);
    this.#bytes.copy(bytes, 0, offset, offset + count);
    return bytes;
  }

  write(offset: number, data: Buffer): void {
    for (const [i, byte] of data.entries()) {
      const at = offset + i;
      const mask = this.#writable[at] ?? 0;
      this.#bytes[at] = ((this.#bytes[at] ?? 0) & ~mask) | (byte & mask);
    }
    if (startsReset(offset, data)) this.#onReset();
  }

  /** As the guest has written it; undefined while memory is off. */
  barAddress(index: number): number | undefined {
    if ((this.#bytes.readUInt16LE(COMMAND) & COMMAND_MEMORY) === 0) return undefined;
    const at = FIRST_BAR + 4 * index;
    const low = this.#bytes.readUInt32LE(at);
    const high = (low & BAR_IS_64_BIT) === 0 ? 0 : this.#bytes.readUInt32LE(at + 4);
    return high * 2 ** 32 + (low - (low & BAR_FLAGS));
  }

  reset(): void {
    this.#initial.copy(this.#bytes);
  }
}

function startsReset(offset: number, data: Buffer): boolean {
  const at = EXPRESS_DEVICE_CONTROL + 1 - offset;
  return at >= 0 && at < data.length && ((data[at] ?? 0) & (START_FUNCTION_RESET >> 8)) !== 0;
}

function highBits({ sizeBytes }: Bar): number {
  return sizeBytes >= 2 ** 32 ? -(sizeBytes / 2 ** 32) >>> 0 : 0xffff_ffff;
}

function describeDevice({
  identity,
  bars,
  msix,
}: Pick<DeviceModel, 'identity' | 'bars' | 'msix'>): Buffer {
  const space = Buffer.alloc(SPACE_BYTES);
  space.writeUInt16LE(identity.vendorId, 0x00);
  space.writeUInt16LE(identity.deviceId, 0x02);
  space.writeUInt16LE(STATUS_HAS_CAPABILITIES, STATUS);
  space.writeUInt8(identity.revision, 0x08);
  space.writeUIntLE(identity.classCode, 0x09, 3);
  for (const bar of bars) {
    const flags = (bar.is64Bit ? BAR_IS_64_BIT : 0) | (bar.isPrefetchable ? 0x8 : 0);
    space.writeUInt32LE(flags, FIRST_BAR + 4 * bar.index);
  }
  space.writeUInt16LE(identity.subsystemVendorId, 0x2c);
  space.writeUInt16LE(identity.subsystemId, 0x2e);
  space.writeUInt8(EXPRESS, CAPABILITIES);
  writeExpress(space);
  writeMsix(space, msix);
  return space;
}

function writeExpress(space: Buffer): void {
  space.writeUInt8(CAPABILITY_EXPRESS, EXPRESS);
  space.writeUInt8(MSIX, EXPRESS + 1);
  space.writeUInt16LE(EXPRESS_FLAGS, EXPRESS + 0x02);
  space.writeUInt32LE(EXPRESS_DEVICE_CAPABILITIES, EXPRESS + 0x04);
  space.writeUInt32LE(EXPRESS_LINK, EXPRESS + 0x0c);
  space.writeUInt16LE(EXPRESS_LINK, EXPRESS + 0x12);
}

function writeMsix(space: Buffer, msix: MsixPlace): void {
  space.writeUInt8(CAPABILITY_MSIX, MSIX);
  space.writeUInt16LE(msix.vectors - 1, MSIX + 2);
  space.writeUInt32LE(msix.tableOffset | msix.bar, MSIX + 4);
  space.writeUInt32LE(msix.pendingOffset | msix.bar, MSIX + 8);
}
