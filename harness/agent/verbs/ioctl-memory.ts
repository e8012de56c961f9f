import type { Memory } from '../../../cases/types.gen.ts';
import { GuardedPage } from '../../../uapi/argument-memory.ts';
import type { AnyStruct } from '../../../uapi/description.ts';
import { kindsOf, listed, memoryStruct, ownLength } from '../../memory-layout.ts';
import { patternBytes } from '../pattern.ts';
import { CaseDefect, type Fields } from '../values.ts';
import type { PointContext } from '../verb.ts';
import type { Abi } from './ioctl-abi.ts';
import {
  type Entries,
  type FieldInput,
  type Filled,
  fillStruct,
  readFilled,
} from './ioctl-fields.ts';
import { isBadPlace, type Placed, placeBadly } from './placed.ts';

/**
 * Memory that pointers of an ioctl's struct lead to. Each piece ends where a page ends that nobody
 * may touch, so that a kernel which goes beyond it meets EFAULT; what lies before it must stay.
 */

const NAME = 'memory';
/** What lies before a piece, and how much of it is looked at. */
const BEFORE = 0xa5;
const BEFORE_BYTES = 64;

export class CallMemory {
  readonly #context: PointContext;
  readonly #abi: Abi;
  readonly #pieces: { readonly name: string; readonly size: number; readonly page: GuardedPage }[] =
    [];
  readonly #bad: Placed[] = [];

  constructor(context: PointContext, abi: Abi) {
    this.#context = context;
    this.#abi = abi;
  }

  /** Has the memory there. @returns its address, and how it is read after the call */
  place(path: string, memory: Memory): { readonly address: bigint; read(): Fields[string] } {
    const { struct, filled } = this.#build(memory);
    const bytes = Buffer.from(filled.bytes);
    const at = memory.at === undefined ? undefined : this.#context.scope.scalar(memory.at);
    if (isBadPlace(at)) {
      const placed = placeBadly(bytes, at, this.#abi.reach);
      this.#bad.push(placed);
      return { address: placed.address ?? 0n, read: () => contentOf(struct, filled) };
    }
    const page = GuardedPage.create('no-access', bytes.length + BEFORE_BYTES, this.#abi.reach);
    page.poison(BEFORE);
    const address = page.placeAtEnd(bytes);
    this.#pieces.push({ name: path, size: bytes.length, page });
    const read = () => {
      page.readAtEnd(bytes.length).copy(filled.bytes);
      return contentOf(struct, filled);
    };
    return { address, read };
  }

  /** A piece that the kernel wrote before the start of: `clips: byte 3 before it`. */
  strayWrite(): string | undefined {
    for (const { name, size, page } of this.#pieces) {
      const before = page.readAtEnd(size + BEFORE_BYTES).subarray(0, BEFORE_BYTES);
      const at = before.findLastIndex((byte) => byte !== BEFORE);
      if (at >= 0) return `byte ${BEFORE_BYTES - at} before what '${name}' leads to changed`;
    }
    return undefined;
  }

  release(): void {
    for (const { page } of this.#pieces) page[Symbol.dispose]();
    for (const placed of this.#bad) placed.release();
  }

  #build(memory: Memory): { readonly struct: AnyStruct; readonly filled: Filled } {
    const { scope } = this.#context;
    const [kind] = kindsOf(memory);
    if (kind === undefined) throw new CaseDefect('a pointer that leads to nothing');
    const text = memory.text === undefined ? undefined : String(scope.scalar(memory.text));
    const own = ownLength(text === undefined ? memory : { ...memory, text });
    const length = memory.length === undefined ? own : Number(scope.size(memory.length));
    const element =
      memory.structs === undefined
        ? undefined
        : this.#abi.struct(this.#context.struct(memory.structs));
    const struct = memoryStruct(NAME, kind, length ?? 0, element);
    const filled = fillStruct(struct, entriesOf(memory), struct.size, this.#context, this);
    if (text !== undefined) struct.set(filled.bytes, NAME, text);
    if (memory.bytes !== undefined) {
      patternBytes(String(scope.scalar(memory.bytes)), 0n, struct.size).copy(filled.bytes);
    }
    return { struct, filled };
  }
}

/** What is listed, by its path in the layout. */
function entriesOf(memory: Memory): Entries {
  const { items } = memory;
  if (items === undefined) {
    return listed(memory).map((item, index) => [`${NAME}[${index}]`, item as FieldInput]);
  }
  return items.flatMap((fields, index) =>
    Object.entries(fields).map(([key, value]) => [`${NAME}[${index}].${key}`, value] as const),
  );
}

function contentOf(struct: AnyStruct, filled: Filled): Fields[string] {
  return readFilled(struct, filled)[NAME] ?? 0;
}
