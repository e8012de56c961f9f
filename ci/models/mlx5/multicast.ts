import { mustFind } from '../refusal.ts';
import { type Call, type Entries, numberIn } from './command.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';
import type { QueuePair } from './queue-pairs.ts';

/** Where both commands have the group. */
const GID = 16;
const GID_BYTES = 16;
/** IBTA, section 4.1.3: LIDs from here on are of groups, but for the last. */
const FIRST_LID = 0xc000;
const LAST_LID = 0xfffe;

const groupIn = ({ input }: Call): string => input.toString('hex', GID, GID + GID_BYTES);

/** Groups that QPs are in, each once. */
export function multicastGroups({ qps, groups }: Objects): Entries {
  const attach = (call: Call) => {
    const { number } = qps.find(numberIn(call));
    const name = groupIn(call);
    const members = groups.get(name) ?? new Set();
    groups.set(name, members.add(number));
    return undefined;
  };
  const detach = (call: Call) => {
    const name = groupIn(call);
    const members = mustFind(groups.get(name), `group ${name}`);
    const wasIn = members.delete(numberIn(call));
    mustFind(wasIn || undefined, `QP ${numberIn(call)} in group ${name}`);
    if (members.size === 0) groups.delete(name);
    return undefined;
  };
  return [
    [h.MLX5_CMD_OP_ATTACH_TO_MCG, attach],
    [h.MLX5_CMD_OP_DETACH_FROM_MCG, detach],
  ];
}

export function isGroupLid(lid: number): boolean {
  return lid >= FIRST_LID && lid <= LAST_LID;
}

/** Everybody in the group, and also the sender, unless it wants nothing of its own. */
export function membersOf({ qps, groups }: Objects, gid: Buffer, sender: QueuePair): QueuePair[] {
  const isBlocked = (one: QueuePair) => one === sender && sender.get('block_lb_mc') === 1;
  return [...(groups.get(gid.toString('hex')) ?? [])]
    .map((number) => qps.get(number))
    .filter((one): one is QueuePair => one !== undefined && !isBlocked(one));
}
