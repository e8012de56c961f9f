import { existsSync } from 'node:fs';
import { homedir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { announce } from '../../harness/announce.ts';
import { InfraError } from '../../harness/errors.ts';
import { ensurePackages } from '../../harness/system-packages.ts';
import type { Target, TargetConnection, TargetLoss } from '../../harness/target.ts';
import { forkableNode } from '../../uapi/forkable-node.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { chooseAccelerator, distrustKvm } from './accelerator.ts';
import { agentPack } from './agent-pack.ts';
import { ownKernel } from './author-kernel.ts';
import { assertCache } from './cache.ts';
import { GL_ENVIRONMENT } from './gl-display.ts';
import { type BootResult, bootGuest } from './guest.ts';
import { buildInitramfs, type GuestPlan } from './initramfs.ts';
import { DEFAULT_KERNEL, fetchKernel, type Kernel } from './kernels.ts';
import { asNewer, type Machine, machinesFor } from './machines.ts';
import { modelsFor, modelsOf, startModels } from './models.ts';
import { buildModule, type ModuleSource } from './module-build.ts';
import { moduleName } from './modules.ts';
import { whileWanted } from './programs.ts';
import { findQemu, isNewer, type Qemu } from './qemu.ts';
import { type Accelerator, guestMemoryMiB, qemuArguments } from './qemu-command.ts';
import { provideTreeModules, type TreeModule } from './tree-module.ts';
import { unpackedKernel } from './unpacked-kernel.ts';

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
  /** Paths of .ko files on the host, loaded after those. */
  readonly extraModules?: readonly string[];
  /** Modules to build for the kernel, loaded last. */
  readonly modulesToBuild?: readonly ModuleSource[];
  /** Modules of the kernel's own source, built where the kernel comes without them. */
  readonly treeModules?: readonly TreeModule[];
  /** Values of QEMU's -device. */
  readonly qemuDevices: readonly string[];
  /** Those that render with the host's GL; left out where this machine cannot. */
  readonly glDevices?: readonly string[];
  /** What to ask for in place of a device where QEMU is new enough. */
  readonly newerDevices?: Readonly<Record<string, string>>;
  /** The same, for devices that must exist before all others. */
  readonly boardDevices?: readonly string[];
  /**
   * Device models, by their names in ci/models, and the module that drives each; left out where QEMU is
   * too old for them.
   */
  readonly models?: Readonly<Record<string, string>>;
  /** The first kernel whose module drives its model. */
  readonly modelsSince?: Readonly<Record<string, string>>;
  /** Words for the kernel's command line. */
  readonly kernelArguments?: readonly string[];
  /** Shell commands for the guest, run as root after the drivers are loaded, before the agent. */
  readonly setup?: readonly string[];
  /** Paths of the host that the agent needs, a provider's folder for example. */
  readonly visible?: readonly string[];
  /** Folders of providers outside the tree, for the agent. */
  readonly providerPaths?: readonly string[];
  /** The script that node runs in the guest; the suite's agent where it is not given. */
  readonly agent?: string;
  /** Run the agent as an ordinary user, in the group that the device nodes belong to. */
  readonly unprivileged?: boolean;
  readonly bootTimeoutMs?: number;
  /** Says that the machine is not wanted any more, while it is made ready. */
  readonly stop?: AbortSignal;
  readonly say: (line: string) => void;
}

/** The user without any rights; in the guest the device nodes are of the group with that number. */
const NOBODY = 65534;
const BOOT_TIMEOUT_MS = 60_000;
/** Under emulation a kernel now and then dies early in its boot, for no reason of its own. */
const BOOT_ATTEMPTS = 3;
const TIMEOUT_SCALE: Readonly<Record<Accelerator, number>> = { kvm: 1.5, tcg: 5 };

/**
 * A target that boots a kernel in QEMU with the host's files as its root, read only, changes in
 * memory. Everything slow (packages, kernel, initial RAM disk) is done here, so that connect() is
 * a boot and nothing else. Who stops that ends all but an installation: a package of the system that is
 * half there would be in the way of all others.
 */
export async function createVmTarget(options: VmOptions): Promise<Target> {
  assertCache();
  await ensurePackages('lab');
  const { stop } = options;
  return await (stop ? whileWanted(stop, () => madeReady(options)) : madeReady(options));
}

async function madeReady(options: VmOptions): Promise<Target> {
  const accelerator = await chooseAccelerator(findQemu());
  const plan = await guestPlan(options, accelerator);
  const kernel = await chooseKernel(options);
  const drivers = options.models ?? {};
  const machines = await machinesFor({
    ...(options.bzImage === undefined && { kernel: kernel.name }),
    glDevices: options.glDevices ?? [],
    newerDevices: options.newerDevices ?? {},
    models: modelsFor(kernel, drivers, options.modelsSince ?? {}),
    say: options.say,
  });
  const [{ models }] = machines;
  const isWanted = (module: string) => {
    const driven = modelsOf(module, drivers);
    return driven.length === 0 || driven.some((name) => models.includes(name));
  };
  const treeModules = (options.treeModules ?? []).filter(({ name }) => isWanted(name));
  const tree = await provideTreeModules(kernel, treeModules, options.say);
  const built = [...tree.files];
  for (const source of options.modulesToBuild ?? []) {
    built.push(await buildModule(kernel, source, options.say));
  }
  const own = plan.modules.filter((name) => {
    const plain = moduleName(name);
    return isWanted(plain) && !tree.replaced.includes(plain);
  });
  const modules = [...own, ...tree.names];
  const extraModules = [...plan.extraModules, ...built];
  const whole = { ...plan, modules, extraModules };
  const initramfs = await buildInitramfs(kernel, whole);
  if (initramfs.missing.length > 0) {
    options.say(`kernel ${kernel.name} has no module ${initramfs.missing.join(', ')}`);
  }
  return new VmTarget(
    options,
    kernel,
    { plan: whole, file: initramfs.file },
    accelerator,
    machines,
  );
}

/** An initial RAM disk, and what it is built of. */
interface BuiltPlan {
  readonly plan: GuestPlan;
  readonly file: string;
}

class VmTarget implements Target {
  readonly name: string;
  readonly canReturn = true;
  readonly bootsAnew = true;
  readonly #options: VmOptions;
  readonly #kernel: Kernel;
  readonly #initramfs: BuiltPlan;
  #accelerator: Accelerator;
  #machine: Machine;
  readonly #machines: readonly [Machine, ...Machine[]];

  constructor(
    options: VmOptions,
    kernel: Kernel,
    initramfs: BuiltPlan,
    accelerator: Accelerator,
    machines: readonly [Machine, ...Machine[]],
  ) {
    this.#accelerator = accelerator;
    this.#machines = machines;
    this.#machine = machines[0];
    this.name = `vm:${kernel.name}`;
    this.#options = options;
    this.#kernel = kernel;
    this.#initramfs = initramfs;
  }

  get timeoutScale(): number {
    return TIMEOUT_SCALE[this.#accelerator];
  }

  /** A boot that breaks without a reason of its own is tried again; one with a reason is not. */
  async connect(say: (line: string) => void): Promise<TargetConnection> {
    for (let attempt = 1; ; attempt++) {
      const result = await this.#boot(say, attempt);
      if (result.ok) return result.connection;
      const { loss } = result;
      if (result.isModelsFault) throw bootError(loss);
      const next = loss.kind === 'boot-failure' ? this.#poorerMachine() : undefined;
      if (next !== undefined) {
        announce(`${loss.message}; going on with ${nameOf(next)}`);
        this.#machine = next;
      } else if (this.#accelerator === 'kvm') {
        await distrustKvm();
        this.#accelerator = 'tcg';
        // What went before may have been for want of KVM, too.
        this.#machine = this.#machines[0];
        announce(`with KVM, ${loss.message}; going on without KVM`);
      } else if (attempt < BOOT_ATTEMPTS && isWorthRetry(loss)) {
        announce(`${loss.message}; booting again`);
      } else throw bootError(loss);
    }
  }

  /** Others may have taken it out of the cache since it was built. */
  async #initramfsFile(): Promise<string> {
    const { file, plan } = this.#initramfs;
    return existsSync(file) ? file : (await buildInitramfs(this.#kernel, plan)).file;
  }

  #devicesOf(qemu: Qemu): readonly string[] {
    const { qemuDevices, newerDevices = {} } = this.#options;
    const devices = [...new Set(qemuDevices)];
    return isNewer(qemu) ? asNewer(devices, newerDevices) : devices;
  }

  #poorerMachine(): Machine | undefined {
    return this.#machines[this.#machines.indexOf(this.#machine) + 1];
  }

  async #boot(say: (line: string) => void, attempt: number): Promise<BootResult> {
    const { name, release, image } = this.#kernel;
    const { qemu, glDevices } = this.#machine;
    const models = startModels(this.#machine.models, this.#options.outputDir);
    const isEmulated = this.#accelerator === 'tcg';
    return await bootGuest({
      qemu: qemu.program,
      args: [
        ...qemu.args,
        ...qemuArguments({
          accelerator: this.#accelerator,
          // The first time; should that be the trouble, the usual way is tried next.
          image: isEmulated && attempt === 1 ? await unpackedKernel(image) : image,
          initramfs: await this.#initramfsFile(),
          devices: this.#devicesOf(qemu),
          glDevices,
          boardDevices: this.#options.boardDevices ?? [],
          modelSockets: models.sockets,
          kernelArguments: this.#options.kernelArguments ?? [],
          memoryMiB: guestMemoryMiB(totalmem()),
          interactive: false,
        }),
      ],
      env: { ...qemu.env, ...(glDevices.length > 0 && GL_ENVIRONMENT) },
      title: `${name} (${release}, ${this.#accelerator}, QEMU ${qemu.version}), attempt ${attempt}`,
      consoleLog: join(this.#options.outputDir, 'console.log'),
      // A machine that is busy may be no faster the next time.
      timeoutMs: (this.#options.bootTimeoutMs ?? BOOT_TIMEOUT_MS) * attempt,
      models,
      say,
    });
  }
}

function isWorthRetry(loss: TargetLoss): boolean {
  return loss.kind === 'panic' || loss.kind === 'boot-timeout';
}

const SHOWN_LINES = 15;

function bootError(loss: TargetLoss): InfraError {
  if (loss.console === '') return new InfraError(`${loss.message}; its console said nothing`);
  const lines = loss.console.trimEnd().split('\n').slice(-SHOWN_LINES);
  return new InfraError(`${loss.message}; the console's end:\n  ${lines.join('\n  ')}`);
}

async function chooseKernel(options: VmOptions): Promise<Kernel> {
  if (options.bzImage !== undefined) return await ownKernel(options.bzImage, options.modules);
  return await fetchKernel(options.kernel ?? DEFAULT_KERNEL, options.say);
}

function nameOf({ qemu, glDevices }: Machine): string {
  const without = glDevices.length === 0 ? ', without devices that render' : '';
  return `QEMU ${qemu.version}${without}`;
}

async function guestPlan(options: VmOptions, accelerator: Accelerator): Promise<GuestPlan> {
  const own = join(projectRoot(), 'build', 'harness', 'agent', 'main.js');
  const script = resolve(options.agent ?? own);
  if (!existsSync(script)) {
    throw new InfraError(`${script} is missing: build the suite first (npm run build)`);
  }
  const isOwn = script === own;
  const flags = forkableNode(isOwn && accelerator === 'tcg');
  return {
    modules: options.modulesToLoad,
    extraModules: options.extraModules ?? [],
    setup: options.setup ?? [],
    visible: options.visible ?? [],
    ...guestSurroundings(),
    ...(options.unprivileged && { user: NOBODY }),
    run: {
      kind: 'agent',
      node: process.execPath,
      script,
      flags,
      ...(isOwn && { pack: await agentPack(flags, options.providerPaths ?? []) }),
    },
  };
}

/** The guest looks like the host: its home, root's search path, the project as working directory. */
export function guestSurroundings(): Pick<GuestPlan, 'cwd' | 'home' | 'path'> {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return { cwd: projectRoot(), home: homedir(), path };
}
