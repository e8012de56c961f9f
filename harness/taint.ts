/**
 * Bits of /proc/sys/kernel/tainted: letter, meaning, and whether a new one speaks against the kernel's
 * health. Bits that only say what kind of module was loaded do not.
 * Source: include/linux/panic.h, TAINT_*; Documentation/admin-guide/tainted-kernels.rst
 */
const TAINT_BITS: readonly (readonly [letter: string, meaning: string, isBad: boolean])[] = [
  ['P', 'proprietary module', false],
  ['F', 'module loaded by force', true],
  ['S', 'processor out of specification', true],
  ['R', 'module unloaded by force', true],
  ['M', 'machine check', true],
  ['B', 'bad page', true],
  ['U', 'set by user space', true],
  ['D', 'the kernel died: OOPS or BUG', true],
  ['A', 'ACPI table overridden', true],
  ['W', 'kernel warning', true],
  ['C', 'staging driver', false],
  ['I', 'firmware bug worked around', true],
  ['O', 'out-of-tree module', false],
  ['E', 'unsigned module', false],
  ['L', 'soft lockup', true],
  ['K', 'live patch', false],
  ['X', 'auxiliary taint', false],
  ['T', 'randomized struct layout', false],
  ['N', 'in-kernel test', false],
  ['J', 'fwctl mutation', false],
];

/** The bit that a WARN sets. */
export const TAINT_WARN = 1 << 9;

/** Bad taint that is set in `after` and was not in `before`: `['W (kernel warning)']`. */
export function newTaint(before: number, after: number): string[] {
  // Shifts of a 64-bit mask: a number's bit operations end at 32 bits.
  const fresh = BigInt(after) & ~BigInt(before);
  const names: string[] = [];
  for (let bit = 0; fresh >> BigInt(bit) > 0n; bit++) {
    if (((fresh >> BigInt(bit)) & 1n) === 0n) continue;
    const [letter, meaning, isBad] = TAINT_BITS[bit] ?? ['?', `bit ${bit}`, true];
    if (isBad) names.push(`${letter} (${meaning})`);
  }
  return names;
}
