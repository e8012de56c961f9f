import { existsSync } from 'node:fs';
import { homedir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { InfraError } from '../../harness/errors.ts';
import { ensurePackages, findProgram } from '../../harness/system-packages.ts';
import type { Target, TargetConnection, TargetLoss } from '../../harness/target.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { chooseAccelerator } from './accelerator.ts';
import { ownKernel } from './author-kernel.ts';
import { bootGuest } from './guest.ts';
import { buildInitramfs, type GuestPlan } from './initramfs.ts';
import { DEFAULT_KERNEL, fetchKernel, type Kernel } from './kernels.ts';
import { type Accelerator, guestMemoryMiB, qemuArguments } from './qemu-command.ts';

export interface VmOptions {
  /** NAME as in `vm:NAME`; see `uapi-conform lab list`. */
  readonly kernel?: string;
  /** An author's own build instead of a named kernel. */
  readonly bzImage?: string;
  /** Its modules: a directory with modules.dep, or one that holds lib/modules/RELEASE. */
  readonly modules?: string;
  /** console.log is kept here, over all boots. */
  readonly outputDir: string;
  readonly modulesToLoad: readonly string[];
  /** Values of QEMU's -device. */
  readonly qemuDevices: readonly string[];
  /** Shell commands for the guest, run as root after the drivers are loaded, before the agent. */
  readonly setup?: readonly string[];
  /** The script that node runs in the guest; the suite's agent where it is not given. */
  readonly agent?: string;
  readonly bootTimeoutMs?: number;
  readonly say: (line: string) => void;
}

const BOOT_TIMEOUT_MS = 60_000;
/** Emulation now and then breaks a kernel early in its boot, see ci/lab/README.md. */
const BOOT_ATTEMPTS = 3;
const TIMEOUT_SCALE: Readonly<Record<Accelerator, number>> = { kvm: 1.5, tcg: 5 };

/**
 * A target that boots a kernel in QEMU with the host's files as its root, read only, changes in
 * memory. Everything slow (packages, kernel, initial RAM disk) is done here, so that connect() is
 * a boot and nothing else.
 */
export async function createVmTarget(options: VmOptions): Promise<Target> {
  await ensurePackages('lab', options.say);
  const kernel = await chooseKernel(options);
  const qemu = findQemu();
  const accelerator = await chooseAccelerator(qemu);
  const initramfs = await buildInitramfs(kernel, guestPlan(options));
  if (initramfs.missing.length > 0) {
    options.say(`kernel ${kernel.name} has no module ${initramfs.missing.join(', ')}`);
  }
  const args = qemuArguments({
    accelerator,
    image: kernel.image,
    initramfs: initramfs.file,
    devices: [...new Set(options.qemuDevices)],
    memoryMiB: guestMemoryMiB(totalmem()),
    interactive: false,
  });
  const name = `vm:${kernel.name}`;
  const boot = (say: (line: string) => void, attempt: number) =>
    bootGuest({
      qemu,
      args,
      title: `${name} (${kernel.release || kernel.image}, ${accelerator}), attempt ${attempt}`,
      consoleLog: join(options.outputDir, 'console.log'),
      timeoutMs: options.bootTimeoutMs ?? BOOT_TIMEOUT_MS,
      say,
    });
  return {
    name,
    canReturn: true,
    timeoutScale: TIMEOUT_SCALE[accelerator],
    connect: (say) => connect(say, boot),
  };
}

type Boot = (say: (line: string) => void, attempt: number) => ReturnType<typeof bootGuest>;

/** A boot that breaks without a reason of its own is tried again; one with a reason is not. */
async function connect(say: (line: string) => void, boot: Boot): Promise<TargetConnection> {
  for (let attempt = 1; ; attempt++) {
    const result = await boot(say, attempt);
    if (result.ok) return result.connection;
    if (attempt === BOOT_ATTEMPTS || !isWorthRetry(result.loss)) throw bootError(result.loss);
    say(`${result.loss.message}; booting again`);
  }
}

function isWorthRetry(loss: TargetLoss): boolean {
  return loss.kind === 'panic' || loss.kind === 'boot-timeout';
}

const SHOWN_LINES = 15;

function bootError(loss: TargetLoss): InfraError {
  const lines = loss.console.trimEnd().split('\n').slice(-SHOWN_LINES);
  const shown = loss.console === '' ? 'it said nothing' : lines.join('\n  ');
  return new InfraError(`${loss.message}; the console's end:\n  ${shown}`);
}

async function chooseKernel(options: VmOptions): Promise<Kernel> {
  if (options.bzImage !== undefined) return await ownKernel(options.bzImage, options.modules);
  return await fetchKernel(options.kernel ?? DEFAULT_KERNEL, options.say);
}

export function findQemu(): string {
  const qemu = findProgram('qemu-system-x86_64');
  if (qemu === undefined) throw new InfraError('qemu-system-x86_64 is missing');
  return qemu;
}

function guestPlan(options: VmOptions): GuestPlan {
  const root = projectRoot();
  const script = resolve(options.agent ?? join(root, 'build', 'harness', 'agent', 'main.js'));
  if (!existsSync(script)) {
    throw new InfraError(`${script} is missing: build the suite first (npm run build)`);
  }
  return {
    modules: options.modulesToLoad,
    setup: options.setup ?? [],
    ...guestSurroundings(),
    run: { kind: 'agent', node: process.execPath, script },
  };
}

/** The guest looks like the host: its home, its search path, the project as working directory. */
export function guestSurroundings(): { cwd: string; home: string; path: string } {
  const system = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return { cwd: projectRoot(), home: homedir(), path: system };
}
