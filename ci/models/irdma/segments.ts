import { isSet, widePart } from '../bits.ts';
import { mustFind } from '../refusal.ts';
import type { CommandContext } from './commands.ts';
import type { Command } from './control-queue.ts';
import {
  IRDMA_CQPSQ_UPESD_ENTRY_COUNT,
  IRDMA_CQPSQ_UPESD_ENTRY_VALID,
  IRDMA_CQPSQ_UPESD_SDCMD,
} from './headers/defs.ts';

/** Of a segment's command: which one (irdma.h, IRDMA_PFHMC_PDINV_PMSDIDX is as wide). */
const SEGMENT_INDEX = 0x0fffn;
/** More entries are in a buffer of this alignment, which leaves room for the function's number. */
const BUFFER = ~0x7fn;
const ENTRY_BYTES = 16;

/** Up to three entries in the command, the second and third with a bit of their own. Source: ctrl.c, cqp_sds_wqe_fill() */
export function updateSegments({ host, objects }: CommandContext, command: Command): void {
  const { entry, head } = command;
  const entries = [entry.subarray(0, ENTRY_BYTES)];
  for (const at of [32, 48]) {
    const more = entry.subarray(at, at + ENTRY_BYTES);
    if (isSet(more.readBigUInt64LE(0), IRDMA_CQPSQ_UPESD_ENTRY_VALID)) entries.push(more);
  }
  const count = widePart(head, IRDMA_CQPSQ_UPESD_ENTRY_COUNT);
  if (count > 0) {
    const address = Number(entry.readBigUInt64LE(16) & BUFFER);
    const buffer = mustFind(host.memory.read(address, count * ENTRY_BYTES), 'list of segments');
    for (let i = 0; i < count; i++) entries.push(buffer.subarray(i * ENTRY_BYTES));
  }
  for (const one of entries) {
    const kind = widePart(one.readBigUInt64LE(0), IRDMA_CQPSQ_UPESD_SDCMD);
    objects.backing.setSegment(Number(BigInt(kind) & SEGMENT_INDEX), one.readBigUInt64LE(8));
  }
}
