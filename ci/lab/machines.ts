import { announce } from '../../harness/announce.ts';
import { InfraError } from '../../harness/errors.ts';
import { missingPackages } from '../../harness/system-packages.ts';
import type { Say } from './apt.ts';
import { usableGlDevices } from './gl-display.ts';
import { fetchQemu, isNewer, machineQemu, type Qemu, wantsNewerQemu } from './qemu.ts';

/** A QEMU with those devices that it renders for, and the device models that it can be a client of. */
export interface Machine {
  readonly qemu: Qemu;
  readonly glDevices: readonly string[];
  readonly models: readonly string[];
}

export interface MachineRequest {
  /** Name of a kernel of the lab; absent for an author's own. */
  readonly kernel?: string;
  readonly glDevices: readonly string[];
  /** What to ask for in place of a device where QEMU is new enough. */
  readonly newerDevices: Readonly<Record<string, string>>;
  /** Device models; QEMU speaks with them from 11.0 on. */
  readonly models: readonly string[];
  readonly say: Say;
}

/**
 * The machines that can be had, the best first: the others are for when QEMU does not come up. The last
 * one renders nothing. A newer QEMU is fetched only where a device gains by it.
 */
export async function machinesFor(
  request: MachineRequest,
): Promise<readonly [Machine, ...Machine[]]> {
  const { newerDevices, models, say } = request;
  const glDevices = [...new Set(request.glDevices)];
  const newer = asNewer(glDevices, newerDevices);
  const own = await machineQemu();
  const ownModels = isNewer(own) ? models : [];
  const plain: Machine = { qemu: own, glDevices: [], models: ownModels };
  const gains = glDevices.filter((device) => Object.hasOwn(newerDevices, device));
  const wants =
    gains.length + models.length > 0 && !isNewer(own) && wantsNewerQemu(request.kernel ?? '');
  const fetched = wants ? await fetchedQemu([...gains, ...models], say) : undefined;
  const usable =
    fetched === undefined ? await usableGlDevices(glDevices, say) : usableNow(glDevices);
  const ownDevices = isNewer(own) ? newer : usable;
  const rendering: Machine = { qemu: own, glDevices: ownDevices, models: ownModels };
  const machines: [Machine, ...Machine[]] = usable.length > 0 ? [rendering, plain] : [plain];
  if (fetched === undefined) return machines;
  return [{ qemu: fetched, glDevices: newer, models }, ...machines];
}

/** What a QEMU that is new enough is asked for. */
export function asNewer(
  devices: readonly string[],
  newerDevices: MachineRequest['newerDevices'],
): readonly string[] {
  return devices.map((device) => newerDevices[device] ?? device);
}

/** The devices if this machine can render for them as it is. */
function usableNow(glDevices: readonly string[]): readonly string[] {
  return missingPackages('gl').length === 0 ? glDevices : [];
}

async function fetchedQemu(gains: readonly string[], say: Say): Promise<Qemu | undefined> {
  try {
    return await fetchQemu(say);
  } catch (error) {
    if (!(error instanceof InfraError)) throw error;
    const without = `without what it would bring to ${gains.join(', ')}`;
    announce(`no newer QEMU, so ${without}: ${error.message}`);
    return undefined;
  }
}
