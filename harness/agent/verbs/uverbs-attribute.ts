import type { AttributeValue as StepValue } from '../../../cases/types.gen.ts';
import type { AnyStruct } from '../../../uapi/description.ts';
import { UVERBS_ATTR_F_MANDATORY } from '../../../uapi/headers/rdma/rdma-user-ioctl-cmds.ts';
import type { UverbsAttribute, UverbsMethod } from '../../../uapi/rdma/description.ts';
import type { AttributeValue } from '../../../uapi/rdma/named-attributes.ts';
import type { RawAttribute } from '../../../uapi/rdma/verbs-argument.ts';
import { attributeNamed, attributeStruct } from '../../uverbs-names.ts';
import { patternBytes } from '../pattern.ts';
import { CaseDefect, type Scalar } from '../values.ts';
import type { PointContext } from '../verb.ts';
import { numberOf, type Placed, placeAt, Room, structOf } from './uverbs-value.ts';

/** One attribute of a `uverbs` step, made ready for the call. */

/** What a step says of an attribute when it says more than a value. */
type Parts = Exclude<StepValue, string | number | boolean | readonly unknown[]>;

export interface Attribute {
  /** As the step names it. */
  readonly name: string;
  /** Absent for attributes that the method does not have. */
  readonly spec?: UverbsAttribute;
  readonly raw: RawAttribute;
  /** For a call by description; absent for what only a raw call can say. */
  readonly plain?: AttributeValue;
  readonly room?: Room;
  /** What the bytes are. */
  readonly struct?: AnyStruct | undefined;
  readonly placed?: Placed;
}

/** Up to here data stands in the attribute itself. Source: uverbs_attr_ptr_is_inline() */
const INLINE_BYTES = 8;

/** What makes an attribute one that only a raw call can have. */
const RAW_PARTS = ['length', 'flags', 'reserved', 'pointer'] as const;

export function attributeOf(
  method: UverbsMethod,
  name: string,
  given: StepValue,
  optional: boolean,
  context: PointContext,
): Attribute {
  const spec = attributeNamed(method, name);
  const parts = partsOf(given);
  const content = contentOf(name, spec, parts, context);
  const flags = optional ? 0 : UVERBS_ATTR_F_MANDATORY;
  const placed =
    parts.pointer === undefined
      ? undefined
      : placeAt(parts.pointer, content.bytes ?? Buffer.alloc(0), context);
  const raw: RawAttribute = {
    id: spec?.id ?? Number(name),
    flags: numberIn(parts.flags, flags, context),
    length: numberIn(parts.length, content.length, context),
    reserved: numberIn(parts.reserved, 0, context),
    data: placed?.address ?? content.data,
    ...(parts.element !== undefined && { element: numberIn(parts.element, 0, context) }),
  };
  const isPlain = spec !== undefined && RAW_PARTS.every((part) => parts[part] === undefined);
  return {
    name,
    raw,
    ...(spec && { spec }),
    ...(isPlain && { plain: content.plain }),
    ...(content.room && { room: content.room, struct: structNamed(name, spec, parts) }),
    ...(placed && { placed }),
  };
}

function partsOf(given: StepValue): Parts {
  if (Array.isArray(given)) return { handles: given };
  return typeof given === 'object' ? (given as Parts) : { value: given };
}

function numberIn(wanted: Scalar | undefined, right: number, context: PointContext): number {
  return wanted === undefined ? right : Number(numberOf(wanted, context));
}

interface Content {
  readonly length: number;
  readonly data: bigint | Uint8Array;
  readonly plain: AttributeValue;
  /** What lies behind a pointer. */
  readonly bytes?: Buffer;
  readonly room?: Room;
}

function contentOf(
  name: string,
  spec: UverbsAttribute | undefined,
  parts: Parts,
  context: PointContext,
): Content {
  if (parts.out !== undefined) return outputOf(Number(context.scope.size(parts.out)));
  if (parts.handles !== undefined) return handlesOf(spec, parts.handles, context);
  const kind = spec?.kind;
  if (kind === 'ptr-out') throw new CaseDefect(`${name} is an output: say how much with "out"`);
  if (kind === 'idr' || kind === 'fd' || kind === 'raw-fd') return objectOf(spec, parts, context);
  if (spec === undefined && parts.size === undefined && parts.bytes === undefined) {
    return objectOf(spec, parts, context);
  }
  const input = inputOf(inputBytes(name, spec, parts, context));
  if (parts.element === undefined) return input;
  const element = numberIn(parts.element, 0, context);
  return { ...input, plain: { element, data: input.bytes ?? Buffer.alloc(0) } };
}

/** A handle or a descriptor; the kernel puts that of a new object into the attribute. */
function objectOf(spec: UverbsAttribute | undefined, parts: Parts, context: PointContext): Content {
  const isNew = parts.value === 'new';
  const data = isNew || parts.value === undefined ? 0n : numberOf(parts.value, context);
  const plain = spec?.access === 'new' ? 'new' : data;
  return { length: 0, data: BigInt.asUintN(64, data), plain };
}

function outputOf(sizeBytes: number): Content {
  const room = new Room(sizeBytes);
  return {
    length: sizeBytes,
    data: room.bytes,
    plain: { out: room.bytes },
    bytes: room.bytes,
    room,
  };
}

/** Words, which are handles to an attribute that takes several. */
function handlesOf(
  spec: UverbsAttribute | undefined,
  handles: readonly Scalar[],
  context: PointContext,
): Content {
  const words = handles.map((one) => Number(BigInt.asUintN(32, numberOf(one, context))));
  const bytes = Buffer.alloc(4 * words.length);
  for (const [i, word] of words.entries()) bytes.writeUInt32LE(word, 4 * i);
  const input = inputOf(bytes);
  return spec?.kind === 'idrs-array' ? { ...input, plain: words } : input;
}

function inputOf(bytes: Buffer): Content {
  const { length } = bytes;
  if (length > INLINE_BYTES) return { length, data: bytes, plain: bytes, bytes };
  const field = Buffer.alloc(INLINE_BYTES);
  bytes.copy(field);
  return { length, data: field.readBigUInt64LE(), plain: bytes, bytes };
}

/** The value, or the struct's fields, with `bytes` as what lies behind them up to `size`. */
function inputBytes(
  name: string,
  spec: UverbsAttribute | undefined,
  parts: Parts,
  context: PointContext,
): Buffer {
  const head = headOf(name, spec, parts, context);
  if (parts.size === undefined) return head ?? Buffer.alloc(spec?.minLength ?? 0);
  const size = Number(context.scope.size(parts.size));
  const pattern = parts.bytes === undefined ? 'zero' : String(context.scope.scalar(parts.bytes));
  const bytes = patternBytes(pattern, 0n, size);
  head?.copy(bytes);
  return bytes;
}

function headOf(
  name: string,
  spec: UverbsAttribute | undefined,
  parts: Parts,
  context: PointContext,
): Buffer | undefined {
  if (parts.fields !== undefined) {
    const struct = structNamed(name, spec, parts);
    if (struct === undefined) throw new CaseDefect(`${name} has no struct, so it has no fields`);
    return structOf(struct, parts.fields, context);
  }
  if (parts.value === undefined) return undefined;
  const field = Buffer.alloc(INLINE_BYTES);
  field.writeBigUInt64LE(BigInt.asUintN(64, numberOf(parts.value, context)));
  const wide = parts.size !== undefined || (spec?.minLength ?? INLINE_BYTES) > INLINE_BYTES;
  return wide ? field : field.subarray(0, spec?.minLength ?? INLINE_BYTES);
}

/** The attribute's, or the one that the step names. */
function structNamed(
  name: string,
  spec: UverbsAttribute | undefined,
  parts: Parts,
): AnyStruct | undefined {
  const struct = attributeStruct(spec, parts.struct);
  if (struct !== undefined || parts.struct === undefined) return struct;
  throw new CaseDefect(`${name}: there is no struct ${parts.struct}`);
}
