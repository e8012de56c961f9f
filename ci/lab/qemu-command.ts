import { GL_ARGUMENTS } from './gl-display.ts';
import { PORT_NAME } from './initramfs.ts';

export type Accelerator = 'kvm' | 'tcg';

/** One boot, as far as QEMU is concerned. */
export interface MachinePlan {
  readonly accelerator: Accelerator;
  readonly image: string;
  readonly initramfs: string;
  /** Values of QEMU's -device, `virtio-gpu-pci` for example. */
  readonly devices: readonly string[];
  /** Those that render with the host's GL. */
  readonly glDevices: readonly string[];
  /** The same, for what all other devices are behind: an IOMMU. */
  readonly boardDevices?: readonly string[];
  /** Where device models listen. */
  readonly modelSockets?: readonly string[];
  /** Further words of the kernel's command line. */
  readonly kernelArguments?: readonly string[];
  readonly memoryMiB: number;
  /** The console goes to this terminal and there is no agent port. */
  readonly interactive: boolean;
}

/** File descriptor of the protocol's socket in QEMU: the first one after standard error. */
export const PORT_FD = 3;

/**
 * `tsc=reliable` keeps the clock watchdog from distrusting an emulated TSC; `panic=-1` resets at
 * once, and with -no-reboot a reset ends QEMU; an oops goes on, as it does for users. Nobody is to be
 * protected from a neighbour's speculation, and each call through a retpoline is dear where it is
 * emulated: without mitigations 5 % of the CPU time of a run.
 */
export function kernelArguments(interactive: boolean, more: readonly string[] = []): string {
  const quiet = interactive ? ['loglevel=4'] : ['quiet'];
  const own = ['console=ttyS0', ...quiet, 'panic=-1', 'tsc=reliable', 'mitigations=off'];
  return [...own, ...more].join(' ');
}

/**
 * Without what emulation makes dear and no driver sees. A kernel with the fast string operations clears
 * and copies with `rep movsb`, which runs byte by byte (15 % of the time of booting 7.2). Protection
 * keys are loaded with each switch between a process and a kernel thread, and each load forgets all
 * translations of addresses; a fifth level of page tables makes each of these dearer (together 10 % of
 * the CPU time of a run).
 *
 * QEMU's `max` is an AMD; from Zen on, devices may reach each other's memory through any host bridge
 * (drivers/pci/p2pdma.c, cpu_supports_p2pdma()). Zen 3 is the one that the kernel mends nothing of in a
 * guest (arch/x86/kernel/cpu/amd.c, init_amd_zen3()).
 */
const EMULATED_CPU = 'max,family=25,model=1,-erms,-fsrm,-pku,-la57';

/** What the probe of an accelerator and a real boot have in common, since each can make KVM fail. */
export function machineArguments(accelerator: Accelerator): string[] {
  // The emulated IOMMU remaps interrupts, which KVM leaves to QEMU only where the chips are split.
  const kvm = ['-accel', 'kvm', '-machine', 'kernel-irqchip=split', '-cpu', 'host'];
  const emulation = ['-accel', 'tcg,thread=multi', '-cpu', EMULATED_CPU];
  return ['-M', 'q35', '-smp', '2', ...(accelerator === 'kvm' ? kvm : emulation)];
}

/** QEMU's arguments. No network, no disk; the host's files are there to be read only. */
export function qemuArguments(plan: MachinePlan): string[] {
  const hasModels = (plan.modelSockets ?? []).length > 0;
  return [
    ...machineArguments(plan.accelerator),
    ...['-m', `${plan.memoryMiB}`],
    ...['-nodefaults', '-vga', 'none', '-no-reboot', '-no-user-config'],
    ...(plan.glDevices.length > 0 ? GL_ARGUMENTS : ['-display', 'none']),
    ...['-kernel', plan.image, '-initrd', plan.initramfs],
    ...['-append', kernelArguments(plan.interactive, plan.kernelArguments)],
    ...(plan.boardDevices ?? []).flatMap((device) => ['-device', boardDevice(device, hasModels)]),
    ...['-fsdev', 'local,id=host,path=/,security_model=none,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=host,mount_tag=hostroot'],
    ...(plan.interactive ? ['-serial', 'mon:stdio'] : portArguments()),
    // SDL gives only the first console a window before the guest shows something, and GL needs one.
    ...[...plan.glDevices, ...plan.devices].flatMap((device) => ['-device', device]),
    // Last, since a device that names no bus would be put on theirs.
    ...modelArguments(plan),
  ];
}

/**
 * Device models reach the guest's memory, so that is a file which they can map; with `aux-ram-share` so is
 * what other devices have in their BARs.
 */
function modelArguments({ modelSockets = [], memoryMiB }: MachinePlan): string[] {
  if (modelSockets.length === 0) return [];
  const ram = `memory-backend-memfd,id=ram,size=${memoryMiB}M,share=on`;
  return [
    ...['-object', ram, '-machine', 'memory-backend=ram,aux-ram-share=on'],
    ...modelSockets.flatMap((path, i) => [
      ...['-device', `pcie-root-port,id=model${i},chassis=${i + 1}`],
      ...['-device', modelDevice(path, `model${i}`)],
    ]),
  ];
}

/**
 * What a device model may reach, QEMU knows only from an IOMMU that is told of each new mapping. To pass
 * the IOMMU by (bypass_iommu of pxb-pcie) costs the device its interrupts: where these are remapped,
 * Linux has no vectors for a device of no remapping unit (intel_irq_remap_add_device()).
 */
function boardDevice(device: string, hasModels: boolean): string {
  return hasModels && device.startsWith('intel-iommu') ? `${device},caching-mode=on` : device;
}

/**
 * Writes are answered: what a driver waits for after ringing a doorbell is there when its write is done,
 * however late the model's process had its turn.
 */
function modelDevice(path: string, bus: string): string {
  const socket = { type: 'unix', path };
  return JSON.stringify({ driver: 'vfio-user-pci', bus, socket, 'x-no-posted-writes': true });
}

function portArguments(): string[] {
  return [
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=agent,fd=${PORT_FD}`],
    ...['-device', `virtserialport,chardev=agent,name=${PORT_NAME}`],
  ];
}

const MEMORY_MIB = { least: 1024, most: 4096 };

/** Half of the host's memory at most, in whole MiB. */
export function guestMemoryMiB(hostBytes: number): number {
  const half = Math.floor(hostBytes / 2 / 2 ** 20);
  return Math.max(MEMORY_MIB.least, Math.min(MEMORY_MIB.most, half));
}
