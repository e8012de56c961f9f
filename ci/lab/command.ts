import type { Argv, CommandModule } from 'yargs';
import { UsageError } from '../../harness/errors.ts';
import { plainTable } from '../../reports/table.ts';
import { ownKernel } from './author-kernel.ts';
import { availability } from './availability.ts';
import { cachedKernel, DEFAULT_KERNEL, fetchKernel, NAMED_KERNELS } from './kernels.ts';
import { fetchQemu, isNewer, machineQemu, wantsNewerQemu } from './qemu.ts';
import { runLabShell } from './shell.ts';

/** `uapi-conform lab`: the kernels that `--target vm` can boot. */
export const labCommand: CommandModule = {
  command: 'lab',
  describe: 'List, fetch and try the kernels of the vm target',
  builder: (yargs) =>
    yargs
      .command(listCommand)
      .command(fetchCommand)
      .command(shellCommand)
      .demandCommand(1, 'Say what to do: lab list, lab fetch or lab shell.')
      .example('$0 lab list', 'Which kernels there are'),
  handler: () => {},
};

const listCommand: CommandModule = {
  command: 'list',
  describe: 'Show the named kernels, which are here, and which devices they give',
  builder: (yargs) => yargs.example('$0 lab list', 'Then: $0 run --target vm:NAME'),
  handler: listKernels,
};

async function listKernels(): Promise<void> {
  const rows: string[][] = [];
  for (const { name, about, suites } of NAMED_KERNELS) {
    const kernel = await cachedKernel(name);
    const mark = name === DEFAULT_KERNEL ? `${about} (default)` : about;
    rows.push([name, kernel?.release ?? 'not fetched', kernel?.origin ?? suites.join(', '), mark]);
  }
  print([...plainTable(['name', 'version', 'from', 'about'], rows, 4), '']);
  await listDevices();
}

/** What the lab has of each provider's devices under the kernels that are here. */
async function listDevices(): Promise<void> {
  const cached = await Promise.all(NAMED_KERNELS.map(({ name }) => cachedKernel(name)));
  const kernels = cached.filter((kernel) => kernel !== undefined);
  const found = await availability(kernels);
  const rows = found.map(({ provider, devices, kernel, state }) => [
    provider,
    devices,
    kernel,
    state,
  ]);
  print(plainTable(['provider', 'devices', 'kernel', 'available'], rows, 4));
}

function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

interface FetchArguments {
  readonly name: string;
  readonly refresh: boolean;
}

const fetchCommand: CommandModule<object, FetchArguments> = {
  command: 'fetch [name]',
  describe: 'Download a kernel, so that later runs need no network',
  builder: (yargs) =>
    withName(yargs)
      .option('refresh', {
        type: 'boolean',
        default: false,
        describe: 'Look for a newer version of a kernel that is here',
      })
      .example('$0 lab fetch newest', 'Fetch the newest kernel that Debian has'),
  handler: async ({ name, refresh }) => {
    const kernel = await fetchKernel(name, say, refresh);
    process.stdout.write(`${kernel.name} ${kernel.release} (${kernel.origin})\n`);
    if (!wantsNewerQemu(name) || isNewer(await machineQemu())) return;
    const qemu = await fetchQemu(say, refresh);
    process.stdout.write(`QEMU ${qemu.version}\n`);
  },
};

interface ShellArguments {
  readonly name: string;
  readonly kernel: string | undefined;
  readonly modules: string | undefined;
  readonly load: readonly string[];
  readonly device: readonly string[];
}

const shellCommand: CommandModule<object, ShellArguments> = {
  command: 'shell [name]',
  describe: 'Boot a kernel with a root shell on this terminal; changes stay in memory',
  builder: (yargs) =>
    withName(yargs)
      .option('kernel', {
        type: 'string',
        requiresArg: true,
        describe: 'A bzImage of your own instead of a named kernel',
      })
      .option('modules', {
        type: 'string',
        requiresArg: true,
        describe: 'Its modules (INSTALL_MOD_PATH of make modules_install)',
      })
      .option('load', {
        type: 'string',
        array: true,
        default: [] as string[],
        requiresArg: true,
        describe: 'Kernel modules to load',
      })
      .option('device', {
        type: 'string',
        array: true,
        default: [] as string[],
        requiresArg: true,
        describe: "Emulated devices, as for QEMU's -device",
      })
      .example('$0 lab shell --load vgem', 'Look at a vgem device')
      .example('$0 lab shell --kernel arch/x86/boot/bzImage --modules /tmp/mods', 'Your own build'),
  handler: async ({ name, kernel, modules, load, device }) => {
    if (kernel === undefined && modules !== undefined) {
      throw new UsageError('--modules goes with --kernel: give the bzImage too.');
    }
    const chosen =
      kernel === undefined ? await fetchKernel(name, say) : await ownKernel(kernel, modules);
    await runLabShell({ kernel: chosen, modules: load, devices: device, say });
  },
};

function withName<T>(yargs: Argv<T>) {
  return yargs.positional('name', {
    type: 'string',
    default: DEFAULT_KERNEL,
    describe: 'A name of `lab list`',
  });
}

/** Progress is for people and never part of what a command gives. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
