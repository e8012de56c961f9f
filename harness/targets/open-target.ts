import { existsSync } from 'node:fs';
import { UsageError } from '../errors.ts';
import { Stopped, unlessStopped } from '../run/unless-stopped.ts';
import type { Target } from '../target.ts';
import { createLocalTarget } from './local.ts';
import { withPowerCycle } from './power-cycle.ts';
import { createSshTarget } from './ssh.ts';
import { bootIdOf } from './ssh-command.ts';
import { openVm } from './vm.ts';

/** What the user said about the target. */
export interface TargetRequest {
  /** `local`, `vm`, `vm:KERNEL`, `ssh:HOST` */
  readonly target: string;
  /** A bzImage, for vm. */
  readonly kernel?: string;
  readonly modules?: string;
  /** vm: run the agent as an ordinary user. */
  readonly unprivileged?: boolean;
  readonly become: boolean;
  readonly sshConfig?: string;
  /** A shell command that restarts an ssh target. */
  readonly powerCycle?: string;
  /** Names of providers that are wanted; empty for all. */
  readonly providers: readonly string[];
  /** Provider folders outside the tree. */
  readonly providerPaths: readonly string[];
}

/** A target and where it differs from others for the host. */
export interface OpenTarget {
  readonly target: Target;
  /** Provider folders outside the tree as the target sees them; known once it is connected. */
  readonly providerPaths: () => readonly string[];
}

type TargetName =
  | { readonly kind: 'local' }
  | { readonly kind: 'vm'; readonly kernel?: string }
  | { readonly kind: 'ssh'; readonly host: string };

/** What the target's name means. @throws UsageError */
export function parseTargetName(name: string): TargetName {
  const colon = name.indexOf(':');
  const kind = colon < 0 ? name : name.slice(0, colon);
  const rest = colon < 0 ? undefined : name.slice(colon + 1);
  if (kind === 'local' && rest === undefined) return { kind };
  if (kind === 'vm' && rest !== '') return { kind, ...(rest !== undefined && { kernel: rest }) };
  // ssh would take a name that starts with a dash as an option.
  if (kind === 'ssh' && rest && !rest.startsWith('-')) return { kind, host: rest };
  throw new UsageError(`--target ${name}: give local, vm, vm:KERNEL or ssh:HOST.`);
}

/** Checks that the options fit the target, before anything slow is begun. @throws UsageError */
export function checkTargetRequest(request: TargetRequest): TargetName {
  const name = parseTargetName(request.target);
  const { kernel, modules, become, sshConfig } = request;
  const only = (option: string, isGiven: boolean, kind: TargetName['kind']) => {
    if (!isGiven || name.kind === kind) return;
    throw new UsageError(`${option} is for --target ${kind}, not for ${request.target}.`);
  };
  only('--kernel', kernel !== undefined, 'vm');
  only('--modules', modules !== undefined, 'vm');
  only('--unprivileged', request.unprivileged === true, 'vm');
  only('--become', become, 'ssh');
  only('--ssh-config', sshConfig !== undefined, 'ssh');
  only('--power-cycle', request.powerCycle !== undefined, 'ssh');
  if (name.kind === 'vm' && kernel !== undefined) {
    if (name.kernel !== undefined) {
      throw new UsageError(`--target ${request.target} and --kernel name two kernels: give one.`);
    }
    assertExists('--kernel', kernel, 'a bzImage');
    if (modules !== undefined) assertExists('--modules', modules, "the kernel's modules");
  } else if (modules !== undefined) {
    throw new UsageError('--modules goes with --kernel: give the bzImage too.');
  }
  return name;
}

/** What is given up takes its half-made files back in less. */
const GIVING_UP_MS = 3000;

/**
 * Gets the target ready, which for a machine of the lab may mean a download or a build: whoever stops it
 * does not wait for their end.
 * @throws UsageError, InfraError, Stopped
 */
export async function openTarget(
  request: TargetRequest,
  outputDir: string,
  say: (line: string) => void,
  stop: AbortSignal,
): Promise<OpenTarget> {
  const opening = opened(request, outputDir, say, stop);
  try {
    return await unlessStopped(opening, stop);
  } catch (error) {
    if (error instanceof Stopped) await settled(opening, GIVING_UP_MS);
    throw error;
  }
}

/** Waits for the end of some work, whatever it is, but not longer than that. */
async function settled(work: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([Promise.allSettled([work]), limit]);
  clearTimeout(timer);
}

async function opened(
  request: TargetRequest,
  outputDir: string,
  say: (line: string) => void,
  stop: AbortSignal,
): Promise<OpenTarget> {
  const name = checkTargetRequest(request);
  const { kernel, modules, sshConfig, become, providers, providerPaths } = request;
  const samePaths = () => providerPaths;
  switch (name.kind) {
    case 'local':
      return { target: createLocalTarget(), providerPaths: samePaths };
    case 'ssh': {
      const config = sshConfig === undefined ? {} : { config: sshConfig };
      const host = { host: name.host, ...config };
      const ssh = createSshTarget({ ...host, become, providerPaths });
      const { powerCycle: command } = request;
      const bootId = () => bootIdOf(host);
      const target = command === undefined ? ssh : withPowerCycle(ssh, { command, bootId });
      return { target, providerPaths: () => ssh.providerPaths() };
    }
    case 'vm': {
      const target = await openVm({
        outputDir,
        say,
        stop,
        providers,
        providerPaths,
        unprivileged: request.unprivileged === true,
        ...(name.kernel !== undefined && { kernel: name.kernel }),
        ...(kernel !== undefined && { bzImage: kernel }),
        ...(modules !== undefined && { modules }),
      });
      return { target, providerPaths: samePaths };
    }
  }
}

function assertExists(option: string, path: string, what: string): void {
  if (!existsSync(path)) throw new UsageError(`${option} ${path}: no such file. Give ${what}.`);
}
