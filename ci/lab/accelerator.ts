import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { UsageError } from '../../harness/errors.ts';
import { cacheDir, publishFile } from './cache.ts';
import { type Accelerator, machineArguments } from './qemu-command.ts';

const PROBE_LIMIT_MS = 3_000;
/** What the probe's guest writes to the debug-exit device; QEMU exits with twice that plus one. */
const PROBE_VALUE = 0x2a;
const PROBE_STATUS = PROBE_VALUE * 2 + 1;
const PROBE_PORT = 0xf4;
/** What the probe's guest counts down from. */
const PROBE_COUNT = 20_000_000;
const FIRMWARE_BYTES = 65_536;
const RESET_VECTOR = FIRMWARE_BYTES - 16;

/**
 * KVM where it works, else emulation. That /dev/kvm can be opened proves nothing: in a VM without
 * nested virtualization QEMU starts and its guest never runs, or each of its instructions is interpreted
 * and no kernel is up in a minute. So a guest must have counted to millions within a time limit, which
 * takes a processor and QEMU's own emulation a fraction of a second. The answer holds until the host boots
 * again.
 *
 * UAPI_CONFORM_ACCEL=tcg or kvm decides without a probe.
 */
export async function chooseAccelerator(qemu: string): Promise<Accelerator> {
  const forced = process.env['UAPI_CONFORM_ACCEL'];
  if (forced === 'tcg' || forced === 'kvm') return forced;
  if (forced) throw new UsageError(`UAPI_CONFORM_ACCEL is "${forced}": use tcg or kvm`);
  if (!canOpenKvm()) return 'tcg';
  const known = await recall();
  if (known !== undefined) return known;
  return await record((await runsGuest(qemu, 'kvm', probeFirmware())) ? 'kvm' : 'tcg');
}

/** Remembers for this boot of the host that a guest did not come up with KVM, whatever a probe said. */
export async function distrustKvm(): Promise<void> {
  await record('tcg');
}

const recordFile = (): string => cacheDir('accelerator');

async function hostBoot(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

async function recall(): Promise<Accelerator | undefined> {
  if (!existsSync(recordFile())) return undefined;
  const [boot, known] = (await readFile(recordFile(), 'utf8')).trim().split(' ');
  if (boot !== (await hostBoot())) return undefined;
  return known === 'kvm' ? 'kvm' : 'tcg';
}

async function record(choice: Accelerator): Promise<Accelerator> {
  await publishFile(recordFile(), `${await hostBoot()} ${choice}\n`);
  return choice;
}

function canOpenKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * A firmware image that counts down at the reset vector and reports success:
 * mov ecx, count; 1: loop 1b (by ecx); mov al, value; out port, al; hlt; jmp back to it.
 */
export function probeFirmware(): Buffer {
  const image = Buffer.alloc(FIRMWARE_BYTES, 0xf4); // hlt
  const count = Buffer.alloc(4);
  count.writeUInt32LE(PROBE_COUNT);
  const countDown = [0x66, 0xb9, ...count, 0x67, 0xe2, 0xfd];
  image.set([...countDown, 0xb0, PROBE_VALUE, 0xe6, PROBE_PORT, 0xf4, 0xeb, 0xfd], RESET_VECTOR);
  return image;
}

/** True when QEMU ran the firmware to its report within the limit. */
export async function runsGuest(
  qemu: string,
  accelerator: Accelerator,
  firmware: Buffer,
  limitMs = PROBE_LIMIT_MS,
): Promise<boolean> {
  await mkdir(cacheDir(), { recursive: true });
  const file = await publishFile(cacheDir(`probe-${process.pid}.bin`), firmware);
  const machine = [...machineArguments(accelerator), '-m', '16', '-bios', file];
  const quiet = ['-nodefaults', '-display', 'none', '-no-reboot', '-no-user-config'];
  const report = ['-device', `isa-debug-exit,iobase=${PROBE_PORT},iosize=1`];
  try {
    return (await statusWithin(qemu, [...machine, ...quiet, ...report], limitMs)) === PROBE_STATUS;
  } finally {
    await rm(file, { force: true });
  }
}

/** A child that cannot even be killed (stuck in the kernel) must not hold us up either. */
function statusWithin(
  program: string,
  args: readonly string[],
  limitMs: number,
): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore', detached: true });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      child.unref();
      resolve(null);
    }, limitMs);
    const end = (status: number | null): void => {
      clearTimeout(timer);
      resolve(status);
    };
    child.on('error', () => end(null));
    child.on('exit', end);
  });
}
