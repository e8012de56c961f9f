/**
 * Kernel releases as numbers that compare: `6.12-rc3` comes before `6.12`, `6.12.48+deb13-amd64` is
 * 6.12.48. They are not semantic versions.
 */
export interface KernelVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** Infinity for a release. */
  readonly candidate: number;
}

const PATTERN = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-rc(\d+))?/;

/** The version at the start of a release's name, or undefined where there is none. */
export function parseKernelVersion(text: string): KernelVersion | undefined {
  const match = PATTERN.exec(text);
  if (!match) return undefined;
  const [, major, minor, patch, candidate] = match;
  return {
    major: Number(major),
    minor: Number(minor),
    patch: Number(patch ?? 0),
    candidate: candidate === undefined ? Number.POSITIVE_INFINITY : Number(candidate),
  };
}

/** Negative, zero or positive, as for Array.sort. */
export function compareKernelVersions(a: KernelVersion, b: KernelVersion): number {
  for (const key of ['major', 'minor', 'patch'] as const) {
    if (a[key] !== b[key]) return a[key] - b[key];
  }
  // Infinity minus Infinity is no number.
  return a.candidate === b.candidate ? 0 : a.candidate - b.candidate;
}
