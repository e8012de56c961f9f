import type { Mapping } from '../../../uapi/mapping.ts';
import { ringMemory } from '../ring-memory.ts';
import { WorkRing } from '../work-ring.ts';

/** Rings without a device, for tests. */

export function memoryOf(bytes: number): Mapping {
  const made = ringMemory(bytes);
  if (!made.ok) throw new Error(made.call);
  return made.value;
}

export function ringIn(memory: Mapping, start: number): WorkRing {
  return new WorkRing(memory, { start, slots: 4, slotBytes: 32 }, 1024 + start);
}
