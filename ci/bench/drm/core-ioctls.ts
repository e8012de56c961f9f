import { readFileSync } from 'node:fs';
import { KernelMemory } from './kernel-memory.ts';

/** One entry of drm_ioctls[], the kernel's own table of what every DRM device understands. */
export interface CoreIoctl {
  /** `DRM_IOCTL_VERSION` */
  readonly name: string;
  readonly functionName: string;
  readonly address: bigint;
}

export interface ModuleSymbol {
  readonly address: bigint;
  readonly name: string;
}

/** They answer for ioctls that are gone: success that does nothing, and EINVAL. */
const STUBS = ['drm_noop', 'drm_invalid_op'];

/** struct drm_ioctl_desc of include/drm/drm_ioctl.h, on 64 bits: cmd, flags, func, name */
const ENTRY_BYTES = 24;
const FUNC = 8;
const NAME = 16;

/**
 * The table of the running kernel, without the entries of ioctls that are gone. Needs root.
 * Source: drivers/gpu/drm/drm_ioctl.c, drm_ioctls[]
 */
export function coreIoctls(): readonly CoreIoctl[] {
  const symbols = moduleSymbols(readFileSync('/proc/kallsyms', 'latin1'), 'drm');
  const at = symbols.findIndex(({ name }) => name === 'drm_ioctls');
  const start = symbols[at]?.address;
  const end = symbols.slice(at + 1).find(({ address }) => address !== start)?.address;
  if (start === undefined || end === undefined) throw new Error('no drm_ioctls in /proc/kallsyms');
  using memory = new KernelMemory();
  const entries = Math.floor(Number(end - start) / ENTRY_BYTES);
  const table = memory.read(start, entries * ENTRY_BYTES);
  return parseTable(table, symbols, (address) => memory.readString(address));
}

/** `ffffffffc05d0a20 r drm_ioctls\t[drm]`, sorted by address. */
export function moduleSymbols(kallsyms: string, module: string): readonly ModuleSymbol[] {
  const found = kallsyms.matchAll(new RegExp(`^([0-9a-f]+) \\w (\\S+)\\t\\[${module}\\]$`, 'gm'));
  return [...found]
    .map(([, address = '', name = '']) => ({ address: BigInt(`0x${address}`), name }))
    .sort((a, b) => (a.address < b.address ? -1 : Number(a.address > b.address)));
}

/** @param text reads a string of the kernel */
export function parseTable(
  table: Buffer,
  symbols: readonly ModuleSymbol[],
  text: (address: bigint) => string,
): readonly CoreIoctl[] {
  const names = new Map(symbols.map(({ address, name }) => [address, name]));
  const ioctls: CoreIoctl[] = [];
  for (let entry = 0; entry + ENTRY_BYTES <= table.length; entry += ENTRY_BYTES) {
    const address = table.readBigUInt64LE(entry + FUNC);
    const functionName = names.get(address);
    if (functionName === undefined || STUBS.includes(functionName)) continue;
    const name = text(table.readBigUInt64LE(entry + NAME));
    ioctls.push({ name, functionName, address });
  }
  return ioctls;
}
