import { rdmaDriverId } from '../../uapi/sysfs-rdma.ts';

import type { Part } from './driver.ts';
import { efa } from './efa/part.ts';
import { erdma } from './erdma/part.ts';
import { irdma } from './irdma/part.ts';
import { mlx5 } from './mlx5/part.ts';
import { rxe } from './rxe/part.ts';
import { siw } from './siw/part.ts';

/** Every driver that is known, by name; sysfs names the driver of a device. */
export const PARTS: ReadonlyMap<string, Part> = new Map(
  [rxe, siw, mlx5, efa, erdma, irdma].map((part) => [part.driver, part]),
);

/** The part of a driver; of one that is not known the commands alone, without data for it. */
export function partOf(driver: string): Part {
  const unknown = { driver, driverId: rdmaDriverId(driver) ?? 0, shown: 'never run' } as const;
  return PARTS.get(driver) ?? unknown;
}
