import type { SuiteTimes } from '../own-suite.ts';

/** What is known of igt-gpu-tools from an earlier measurement. */
export interface MeasuredBefore {
  readonly times: SuiteTimes;
  readonly handlers: string;
  /** Functions run, by part. */
  readonly parts: Readonly<Record<string, string>>;
}

/**
 * igt-gpu-tools on vgem and virtio-gpu, kernel 6.12, before this suite had any of it: 327 subtests
 * that need no display, a process for each program. Ten of them failed.
 */
export const MEASURED_BEFORE: MeasuredBefore = {
  times: { executed: 74, passed: 64, skipped: 253, seconds: 95, commandSeconds: 95 },
  handlers: '36 of 66, 51 with its tests of displays',
  parts: { vgem: '8 of 14', 'dma-heap': '0', udmabuf: '0' },
};
