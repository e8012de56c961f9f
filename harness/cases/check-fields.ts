import type { Step } from '../../cases/types.gen.ts';
import { codecOf, LayoutError } from '../../uapi/codec.ts';
import type { AnyStruct, Field } from '../../uapi/description.ts';
import { isMemory } from '../memory-layout.ts';
import { literalSize, SizeError } from '../size.ts';
import { checkMemory } from './check-memory.ts';
import { type Constants, toJsonNumber } from './constants.ts';
import { type Reply, replyField } from './reply.ts';
import type { Blame } from './scope.ts';

type Ioctl = NonNullable<Step['ioctl']>;
export type FieldInput = NonNullable<Ioctl['fields']>[string];
type Scalar = string | number | boolean;

/** The largest flexible array that a case can fill. */
const FLEXIBLE_BYTES = 65536;

/** Checks values against structs, and turns names of constants into numbers. */
export class FieldChecks {
  readonly #constants: Constants;
  readonly structs: ReadonlyMap<string, AnyStruct>;

  /** @param structs those that memory behind pointers may hold, by tag */
  constructor(constants: Constants, structs: ReadonlyMap<string, AnyStruct>) {
    this.#constants = constants;
    this.structs = structs;
  }

  /** Fields of a struct; `reply` is what can be read when the call has returned. */
  fields(
    values: Readonly<Record<string, FieldInput>>,
    struct: AnyStruct,
    blame: Blame,
  ): { readonly values: Record<string, FieldInput>; readonly reply: Reply } {
    const resolved: Record<string, FieldInput> = {};
    const memory = new Map<string, Reply>();
    for (const [path, value] of Object.entries(values)) {
      const field = this.field(path, () => struct.field(path).field, blame);
      const { value: checked, behind } = this.input(value, field, path, blame.below(path));
      resolved[path] = checked;
      if (behind !== undefined) memory.set(path, behind);
    }
    return { values: resolved, reply: { struct, memory } };
  }

  /** What a reply is compared with. */
  expectations(
    values: Readonly<Record<string, Scalar>>,
    reply: Reply,
    blame: Blame,
  ): Record<string, Scalar> {
    const resolved = Object.entries(values).map(([path, value]) => {
      const field = this.field(path, () => replyField(reply, path), blame);
      const checked =
        field === undefined ? value : this.#scalar(value, field, path, blame.below(path));
      return [path, checked] as const;
    });
    return Object.fromEntries(resolved);
  }

  field(path: string, find: () => Field, blame: Blame): Field | undefined {
    try {
      return find();
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error;
      blame.key([path], error.message);
      return undefined;
    }
  }

  /** A value of a field, and what it leads to if it is a pointer that is given memory. */
  input(
    value: FieldInput,
    field: Field | undefined,
    path: string,
    blame: Blame,
  ): { readonly value: FieldInput; readonly behind?: Reply } {
    if (field === undefined) return { value };
    if (isMemory(value)) return checkMemory(value, field, path, this, blame);
    if (!Array.isArray(value)) return { value: this.#scalar(value, field, path, blame) };
    if (field.kind !== 'array') {
      blame.value([], `'${path}' is ${field.type}, which takes one value and no list`);
      return { value };
    }
    if (!field.flexible && value.length > field.length) {
      blame.value([], `'${path}' has room for ${field.length} values, here are ${value.length}`);
    }
    const { element } = field;
    const items = value.map((item, index) => {
      const checked = this.#scalar(item, element, `${path}[${index}]`, blame.below(index));
      return typeof checked === 'boolean' ? Number(checked) : checked;
    });
    return { value: items };
  }

  #scalar(value: Scalar, field: Field, path: string, blame: Blame): Scalar {
    if (typeof value === 'number' && !Number.isSafeInteger(value) && Number.isInteger(value)) {
      blame.value([], `${value} is beyond 2^53, where JSON is not exact; write it as '0x…'`);
      return value;
    }
    if (field.kind === 'chars') {
      this.#fits(value, field, path, blame);
      return value;
    }
    const known = typeof value === 'string' ? this.#number(value, blame) : Number(value);
    if (known === undefined) return value;
    this.#fits(known, field, path, blame);
    return typeof known === 'bigint' ? toJsonNumber(known) : known;
  }

  /** The number that a text stands for, where that is known before the case runs. */
  #number(text: string, blame: Blame): bigint | undefined {
    try {
      return literalSize(text);
    } catch (error) {
      if (!(error instanceof SizeError)) throw error;
      if (!/^[A-Za-z_]/.test(text)) {
        blame.value([], error.message);
        return undefined;
      }
    }
    const constant = this.#constants.resolve(text);
    if ('value' in constant) return constant.value;
    blame.value([], constant.wrong);
    return undefined;
  }

  #fits(value: unknown, field: Field, path: string, blame: Blame): void {
    try {
      codecOf(field).write(Buffer.alloc(field.size || FLEXIBLE_BYTES), 0, value, path);
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error;
      blame.value([], error.message);
    }
  }
}
