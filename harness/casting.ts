import type { DeviceRecord } from '../reports/results.ts';
import type { LoadedCase } from './cases/loaded-case.ts';
import { hardwareOf } from './hardware.ts';
import { someStep } from './some-step.ts';

/** Which devices play the roles of a case. */

/** A device for each role. */
export type Casting = Readonly<Record<string, DeviceRecord>>;

/**
 * Every choice of one device for each role in which those reach each other that must, and none is wanted
 * twice that is opened once at a time.
 */
export function castings(
  one: LoadedCase,
  able: readonly (readonly [role: string, devices: readonly DeviceRecord[]])[],
): readonly Casting[] {
  const all = able.reduce<readonly Casting[]>(
    (chosen, [role, devices]) =>
      chosen.flatMap((others) => devices.map((device) => ({ ...others, [role]: device }))),
    [{}],
  );
  return all.filter((devices) => isConnected(one, devices) && isOpened(Object.values(devices)));
}

function isOpened(devices: readonly DeviceRecord[]): boolean {
  const single = devices.filter(({ identity }) => identity['sessions'] === 'one');
  return new Set(single.map(({ address }) => hardwareOf(address))).size === single.length;
}

/**
 * Whether all who must reach each other are on one fabric; every device reaches itself, but over no
 * path: what it sends to itself is not impaired.
 */
function isConnected({ roles }: LoadedCase, devices: Casting): boolean {
  return Object.entries(roles).every(([name, { reaches, needs }]) => {
    if (reaches === undefined) return true;
    const one = devices[name];
    const other = devices[reaches];
    if (one === undefined || other === undefined) return true;
    if (one === other) return !needs.includes('impaired-paths');
    const fabric = one.identity['fabric'];
    return fabric !== undefined && fabric === other.identity['fabric'];
  });
}

/**
 * Of the choices with the same drivers in the same first two roles one, another at each turn: every
 * pair of drivers meets, and whatever else a case needs is taken as it comes. Where two devices and
 * another process are needed a single choice.
 */
export function inTurn(
  one: Pick<LoadedCase, 'roles' | 'steps'>,
  all: readonly Casting[],
  turn: number,
): readonly Casting[] {
  const isDear =
    Object.keys(one.roles).length > 1 && someStep(one.steps, (step) => 'process' in step);
  const kinds = new Map<string, Casting[]>();
  for (const casting of all) {
    const kind = isDear ? '' : driversOf(casting);
    kinds.set(kind, [...(kinds.get(kind) ?? []), casting]);
  }
  return [...kinds.values()].flatMap((choices, index) => {
    const chosen = (turn + index) % choices.length;
    return choices.slice(chosen, chosen + 1);
  });
}

function driversOf(casting: Casting): string {
  const [first, second] = Object.values(casting);
  return [first, second].map((device) => `${device?.provider} ${device?.driver}`).join();
}
