import { createHash } from 'node:crypto';
import type { Shard } from '../reports/results.ts';

/** Reads `2/5`. @returns undefined when it is none */
export function parseShard(text: string): Shard | undefined {
  const [, index, of] = /^([1-9]\d{0,5})\/([1-9]\d{0,5})$/.exec(text) ?? [];
  const shard = { index: Number(index), of: Number(of) };
  return shard.index <= shard.of ? shard : undefined;
}

/**
 * Tells whether a case belongs to a shard. It follows from the name of the case alone: machines with
 * other devices, kernels or filters part the cases alike, and all points of a case stay together.
 */
export function isInShard(caseId: string, shard: Shard): boolean {
  return stableNumber(caseId) % shard.of === shard.index - 1;
}

/** 32 bits that follow from the name alone. */
export function stableNumber(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0);
}
