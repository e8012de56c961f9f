/**
 * Arithmetic on ioctl numbers: direction 2 bits, size 14, type 8, nr 8, from the top.
 * Holds for x86, arm64 and riscv; alpha, mips, powerpc and sparc split them otherwise.
 * Source: include/uapi/asm-generic/ioctl.h
 */

export const IOC_NONE = 0;
/** User space writes, the kernel reads. */
export const IOC_WRITE = 1;
/** User space reads, the kernel writes. */
export const IOC_READ = 2;
/** The largest argument that a number can tell, in bytes. */
export const IOC_SIZE_MAX = 0x3fff;

export interface IocParts {
  readonly direction: 0 | 1 | 2 | 3;
  /** The letter of the subsystem as a number: 'd' is 100. */
  readonly type: number;
  readonly nr: number;
  /** Bytes of the argument. */
  readonly size: number;
}

const directions = [0, 1, 2, 3] as const;

function checkRange(what: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return;
  throw new RangeError(`ioctl ${what} ${value} does not fit into 0..${max}`);
}

/** The command number, as an unsigned 32-bit value. Throws RangeError where a part does not fit. */
export function encodeIoc({ direction, type, nr, size }: IocParts): number {
  checkRange('direction', direction, 3);
  checkRange('type', type, 0xff);
  checkRange('nr', nr, 0xff);
  checkRange('size', size, IOC_SIZE_MAX);
  return ((direction << 30) | (size << 16) | (type << 8) | nr) >>> 0;
}

/** The parts of a command number. Bits above 32 are dropped, as the kernel drops them. */
export function decodeIoc(request: number): IocParts {
  return {
    direction: directions[request >>> 30] ?? 0,
    size: (request >>> 16) & IOC_SIZE_MAX,
    type: (request >>> 8) & 0xff,
    nr: request & 0xff,
  };
}
