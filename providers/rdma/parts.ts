import type { Part } from './driver.ts';
import { rxe } from './rxe/part.ts';

/** Every driver that is known, by name; sysfs names the driver of a device. */
export const PARTS: ReadonlyMap<string, Part> = new Map([rxe].map((part) => [part.driver, part]));
