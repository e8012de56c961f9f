import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { SuiteTimes } from '../own-suite.ts';

/**
 * Runs igt-gpu-tools: the tests that are for no one vendor's driver and for no display, a process
 * for each program, on each of two drivers.
 */

/**
 * Left out: what unbinds drivers or loads and unloads them (core_hotunplug, device_reset,
 * vgem_basic's unload), which the other suite would have to live with, and the kernel's self-tests,
 * which Debian does not build (drm_mm, drm_buddy, dmabuf).
 */
const PROGRAMS = [
  'core_auth',
  'core_debugfs',
  'core_getclient',
  'core_getstats',
  'core_getversion',
  'core_setmaster',
  'core_setmaster_vs_auth',
  'core_sysfs',
  'dmabuf_sync_file',
  'drm_read',
  'drm_virtgpu',
  'dumb_buffer',
  'prime_busy',
  'prime_mmap',
  'prime_mmap_coherency',
  'prime_mmap_kms',
  'prime_self_import',
  'prime_udl',
  'prime_vgem',
  'sw_sync',
  'syncobj_basic',
  'syncobj_eventfd',
  'syncobj_timeline',
  'syncobj_wait',
  'vgem_basic',
  'vgem_slow',
];
const ALL_BUT_UNLOAD = '*,!unload';
/** As the drivers call themselves. */
const DRIVERS = ['vgem', 'virtio_gpu'];
/** Of one program, under emulation. */
const LIMIT_MS = 120_000;

export interface IgtRun {
  readonly times: SuiteTimes;
  /** Programs that ended otherwise than by themselves, and subtests that failed. */
  readonly troubles: readonly string[];
}

/** @param tree what `fetchIgt` gave */
export function runIgt(tree: string): IgtRun {
  const begin = performance.now();
  const results: Result[] = [];
  const troubles: string[] = [];
  for (const driver of DRIVERS) {
    for (const program of PROGRAMS) {
      const run = runProgram(tree, program, driver);
      results.push(...run.results);
      troubles.push(...run.troubles.map((trouble) => `${driver}: ${program}: ${trouble}`));
    }
  }
  const seconds = (performance.now() - begin) / 1000;
  const count = (verdict: Result['verdict']): number =>
    results.filter((result) => result.verdict === verdict).length;
  const skipped = count('SKIP');
  const executed = results.length - skipped;
  const passed = count('SUCCESS');
  return {
    times: { executed, passed, skipped, seconds, commandSeconds: seconds },
    troubles,
  };
}

function runProgram(
  tree: string,
  program: string,
  driver: string,
): { readonly results: readonly Result[]; readonly troubles: readonly string[] } {
  const path = join(tree, 'usr/libexec/igt-gpu-tools', program);
  const args = program === 'vgem_basic' ? ['--run-subtest', ALL_BUT_UNLOAD] : [];
  const { stdout, signal } = spawnSync(path, args, {
    encoding: 'utf8',
    env: { ...process.env, IGT_FORCE_DRIVER: driver },
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024 * 1024,
  });
  const results = parseIgt(stdout);
  const failed = results.filter(({ verdict }) => verdict !== 'SUCCESS' && verdict !== 'SKIP');
  const troubles = failed.map(({ name, verdict }) => `${name} ${verdict}`);
  return { results, troubles: signal === null ? troubles : [...troubles, signal] };
}

export interface Result {
  /** Empty for a program without subtests. */
  readonly name: string;
  readonly verdict: 'SUCCESS' | 'SKIP' | 'FAIL' | 'CRASH' | 'TIMEOUT';
}

/** Lines such as `Subtest create: SUCCESS (0.003s)`, or `SKIP (0.1s)` of a whole program. */
const RESULT = /^(?:Subtest (\S+): )?(SUCCESS|SKIP|FAIL|CRASH|TIMEOUT) \([\d.]+s\)$/gm;

export function parseIgt(stdout: string): readonly Result[] {
  return [...stdout.matchAll(RESULT)].map(([, name = '', verdict]) => ({
    name,
    verdict: verdict as Result['verdict'],
  }));
}
