import type { AnyStruct, Field } from '../../uapi/description.ts';
import { leafOf } from '../memory-layout.ts';

/** What an ioctl leaves to be read: its struct, and the memory that pointers in it lead to. */
export interface Reply {
  readonly struct: AnyStruct;
  /** By the path of the pointer; the struct of each has one field of the pointer's name. */
  readonly memory: ReadonlyMap<string, Reply>;
}

/**
 * The field that `$reply.path` and `gives` name: a pointer stands for what it leads to.
 *
 * @throws LayoutError when there is none
 */
export function replyField(reply: Reply, path: string): Field {
  for (const [pointer, inner] of reply.memory) {
    const rest = path.slice(pointer.length);
    if (!path.startsWith(pointer) || /^[^.[]/.test(rest)) continue;
    return replyField(inner, plainLeaf(pointer) + rest);
  }
  return reply.struct.field(path).field;
}

/** `points` of `items[1].points` and of `points[3]`. */
export function plainLeaf(path: string): string {
  return leafOf(path).replace(/\[\d+\]$/, '');
}
