import { must, mustBeIdle } from '../refusal.ts';
import { answer, type Call, type Entries, numberIn } from './command.ts';
import * as h from './headers/ifc.ts';
import { SHARED_USER } from './limits.ts';
import type { Objects } from './objects.ts';

/** Processes that send commands through the driver, which puts their number into each. */
export interface User {
  /** Pieces of memory that it has, which is a guess: that a context goes after what it has. */
  users: number;
}

/** Memory that commands name by a number. */
export interface UserMemory {
  readonly user: number;
}

/** Where every command has the number of the user. Source: mlx5_ifc.h, struct mlx5_ifc_create_umem_in_bits */
export const userIn = ({ input }: Pick<Call, 'input'>): number => input.readUInt16BE(2);

/** @throws Refusal where a command is somebody's who is not there */
export function mustBeUser({ users }: Objects, user: number): void {
  if (user !== 0 && user !== SHARED_USER) users.find(user);
}

const PAGE_BYTES = 8;

export function userContexts(objects: Objects): Entries {
  const { users, userMemory } = objects;
  return [
    [h.MLX5_CMD_OP_CREATE_UCTX, () => answer(users.add(() => ({ users: 0 })))],
    [h.MLX5_CMD_OP_DESTROY_UCTX, (call) => destroyUser(objects, numberIn(call))],
    [h.MLX5_CMD_OP_CREATE_UMEM, (call) => answer(userMemory.add(() => makeMemory(objects, call)))],
    [h.MLX5_CMD_OP_DESTROY_UMEM, (call) => destroyMemory(objects, call)],
  ];
}

function destroyUser({ users }: Objects, user: number): undefined {
  mustBeIdle(users.find(user), `user context ${user}`);
  users.remove(user);
}

function makeMemory({ users }: Objects, call: Call): UserMemory {
  const { input } = call;
  const user = userIn(call);
  const owner = users.find(user);
  const pages = h.create_umem_in.big(input, 'umem.num_of_mtt');
  const room = (input.length - h.create_umem_in.sizeBytes) / PAGE_BYTES;
  must(pages > 0n && pages <= room, `there are no ${pages} pages in the command`);
  owner.users++;
  return { user };
}

/** Only who made it may take it away. */
function destroyMemory({ users, userMemory }: Objects, call: Call): undefined {
  const id = numberIn(call);
  const { user } = userMemory.find(id);
  must(user === userIn(call), `memory ${id} is that of user ${user}`);
  userMemory.remove(id);
  users.find(user).users--;
}
