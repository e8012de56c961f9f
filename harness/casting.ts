import type { DeviceRecord } from '../reports/results.ts';
import type { LoadedCase } from './cases/loaded-case.ts';

/** Which devices play the roles of a case. */

/** A device for each role. */
export type Casting = Readonly<Record<string, DeviceRecord>>;

/** Every choice of one device for each role in which those reach each other that must. */
export function castings(
  one: LoadedCase,
  able: readonly (readonly [role: string, devices: readonly DeviceRecord[]])[],
): readonly Casting[] {
  const all = able.reduce<readonly Casting[]>(
    (chosen, [role, devices]) =>
      chosen.flatMap((others) => devices.map((device) => ({ ...others, [role]: device }))),
    [{}],
  );
  return all.filter((devices) => isConnected(one, devices));
}

/** Whether all who must reach each other are on one fabric; every device reaches itself. */
function isConnected({ roles }: LoadedCase, devices: Casting): boolean {
  return Object.entries(roles).every(([name, { reaches }]) => {
    if (reaches === undefined) return true;
    const one = devices[name];
    const other = devices[reaches];
    if (one === undefined || other === undefined || one === other) return true;
    const fabric = one.identity['fabric'];
    return fabric !== undefined && fabric === other.identity['fabric'];
  });
}

/**
 * Of the choices with the same drivers in the same first two roles one, another at each turn: every
 * pair of drivers meets, and whatever else a case needs is taken as it comes.
 */
export function inTurn(all: readonly Casting[], turn: number): readonly Casting[] {
  const kinds = new Map<string, Casting[]>();
  for (const casting of all) {
    const kind = Object.values(casting)
      .slice(0, 2)
      .map(({ provider, driver }) => `${provider} ${driver}`)
      .join();
    kinds.set(kind, [...(kinds.get(kind) ?? []), casting]);
  }
  return [...kinds.values()].flatMap((choices, index) => {
    const chosen = (turn + index) % choices.length;
    return choices.slice(chosen, chosen + 1);
  });
}
