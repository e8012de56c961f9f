import { UVERBS_ATTR_UHW_IN, UVERBS_ATTR_UHW_OUT } from '../headers/rdma/ib-user-ioctl-cmds.ts';
import { UVERBS_ATTR_F_MANDATORY } from '../headers/rdma/rdma-user-ioctl-cmds.ts';
import { nearestFirst } from '../nearest.ts';
import type { EnumElement, UverbsAttribute, UverbsMethod } from './description.ts';
import type { Chunk } from './transcript.ts';
import type { RawAttribute } from './verbs-argument.ts';

/** Attributes by name: what may be given for which kind, and what it is on the wire. */

/**
 * A number is a handle, a descriptor or inline data; bytes are input data; `new` asks for a new
 * object; a list is an array of handles; `element` chooses what an enum attribute carries.
 */
export type AttributeValue =
  | number
  | bigint
  | Uint8Array
  | 'new'
  | readonly number[]
  | { readonly out: Buffer }
  | { readonly element: number | string; readonly data: number | bigint | Uint8Array };

export type AttributeValues = Readonly<Record<string, AttributeValue>>;

/** The caller names an attribute that the method has not, or gives it what its kind cannot be. */
export class AttributeError extends Error {
  override name = 'AttributeError';
}

/** Up to here data stands in the attribute itself. Source: uverbs_attr_ptr_is_inline() */
const INLINE_BYTES = 8;

const MAX_BYTES = 0xffff;

/** The driver's data; whether a method takes any is for the kernel to say. */
const uhwAttributes: readonly UverbsAttribute[] = [
  {
    name: 'UHW_IN',
    id: UVERBS_ATTR_UHW_IN,
    kind: 'ptr-in',
    minLength: 0,
    maxLength: MAX_BYTES,
    mandatory: false,
  },
  {
    name: 'UHW_OUT',
    id: UVERBS_ATTR_UHW_OUT,
    kind: 'ptr-out',
    minLength: 0,
    maxLength: MAX_BYTES,
    mandatory: false,
  },
];

const byName = new WeakMap<UverbsMethod, ReadonlyMap<string, UverbsAttribute>>();

/** The method's attributes by name, UHW_IN and UHW_OUT always among them. */
export function attributesOf(method: UverbsMethod): ReadonlyMap<string, UverbsAttribute> {
  let known = byName.get(method);
  if (known === undefined) {
    const all = [...uhwAttributes, ...method.attributes];
    known = new Map(all.map((attribute) => [attribute.name, attribute]));
    byName.set(method, known);
  }
  return known;
}

/** `PD.PD_DESTROY`; the long names of a driver's methods say their object. */
export function methodName({ driver, object, name }: UverbsMethod): string {
  return driver === undefined ? `${object.name}.${name}` : name;
}

/** One attribute as it is sent, and as the log and the result see it. */
export interface NamedAttribute {
  readonly spec: UverbsAttribute;
  readonly raw: RawAttribute;
  readonly chunk: Chunk;
  readonly out?: Buffer;
}

/**
 * The attributes of a call, in the order given.
 *
 * @param optional names that go without UVERBS_ATTR_F_MANDATORY: a kernel that does not know them
 * then passes over them, where it would answer EPROTONOSUPPORT
 */
export function nameAttributes(
  method: UverbsMethod,
  values: AttributeValues,
  optional: readonly string[] = [],
): NamedAttribute[] {
  const known = attributesOf(method);
  return Object.entries(values).map(([name, value]) => {
    const spec = known.get(name);
    if (spec === undefined) {
      const likely = nearestFirst(name, known.keys()).join(', ');
      throw new AttributeError(
        `${methodName(method)} has no attribute '${name}'; it has: ${likely}`,
      );
    }
    const flags = optional.includes(name) ? 0 : UVERBS_ATTR_F_MANDATORY;
    const wrong = (wanted: string): never => {
      throw new AttributeError(
        `${methodName(method)}: attribute ${name} is ${wanted}, not ${describeValue(value)}`,
      );
    };
    return encode({ spec, flags, wrong }, value);
  });
}

interface Wanted {
  readonly spec: UverbsAttribute;
  readonly flags: number;
  readonly wrong: (wanted: string) => never;
}

function encode(wanted: Wanted, value: AttributeValue): NamedAttribute {
  const { spec, wrong } = wanted;
  switch (spec.kind) {
    case 'idr':
    case 'fd':
      return encodeObject(wanted, value);
    case 'raw-fd':
      return isNumber(value) ? ofNumber(wanted, value) : wrong('a descriptor');
    case 'ptr-in':
      if (isNumber(value)) return ofBytes(wanted, inlineBytes(wanted, spec, value));
      return value instanceof Uint8Array
        ? ofBytes(wanted, value)
        : wrong('input: a number or bytes');
    case 'ptr-out':
      return isOut(value) ? ofRoom(wanted, value.out) : wrong('output: {out: Buffer}');
    case 'enum-in':
      return encodeEnum(wanted, value);
    case 'idrs-array':
      return Array.isArray(value)
        ? ofBytes(wanted, handleBytes(value))
        : wrong('a list of handles');
  }
}

function encodeObject(wanted: Wanted, value: AttributeValue): NamedAttribute {
  const { spec, wrong } = wanted;
  if (spec.access === 'new') {
    return value === 'new' ? ofNumber(wanted, 0) : wrong("a new object: give 'new'");
  }
  const what = spec.kind === 'fd' ? 'descriptor' : 'handle';
  return isNumber(value) ? ofNumber(wanted, value) : wrong(`a ${spec.object ?? 'object'} ${what}`);
}

function encodeEnum(wanted: Wanted, value: AttributeValue): NamedAttribute {
  const { spec, wrong } = wanted;
  const elements = spec.enumElements ?? [];
  const names = elements.map(({ name }) => name).join(', ');
  if (!hasElement(value)) return wrong(`one of: give {element, data}, the elements are ${names}`);
  const { element: chosen, data } = value;
  const element =
    typeof chosen === 'number' ? chosen : elements.findIndex(({ name }) => name === chosen);
  if (element < 0) return wrong(`one of the elements ${names}`);
  const bytes = isNumber(data) ? inlineBytes(wanted, elements[element], data) : data;
  return ofBytes(wanted, bytes, element);
}

function ofNumber({ spec, flags }: Wanted, value: number | bigint): NamedAttribute {
  const raw = { id: spec.id, flags, data: value };
  const isNew = spec.access === 'new';
  const chunk = isNew ? { id: spec.id, roomBytes: 8 } : { id: spec.id, scalar: BigInt(value) };
  return { spec, raw, chunk };
}

function ofBytes({ spec, flags }: Wanted, bytes: Uint8Array, element?: number): NamedAttribute {
  const isInline = bytes.length <= INLINE_BYTES;
  const data = isInline ? inlineField(bytes) : bytes;
  const choice = element !== undefined && { element };
  const raw = { id: spec.id, flags, length: bytes.length, data, ...choice };
  const isScalar = isInline && bytes.length > 0 && spec.kind === 'ptr-in' && !spec.struct;
  const content = isScalar ? { scalar: BigInt(inlineField(bytes)) } : { bytes };
  return { spec, raw, chunk: { id: spec.id, ...content, ...choice } };
}

function ofRoom({ spec, flags }: Wanted, out: Buffer): NamedAttribute {
  const raw = { id: spec.id, flags, data: out };
  return { spec, raw, chunk: { id: spec.id, roomBytes: out.length }, out };
}

function inlineField(bytes: Uint8Array): bigint {
  const field = Buffer.alloc(INLINE_BYTES);
  field.set(bytes);
  return field.readBigUInt64LE();
}

/** A number in as many bytes as the attribute takes at least, or eight where it needs and may. */
function inlineBytes(
  { wrong }: Wanted,
  limits: Pick<EnumElement, 'minLength' | 'maxLength'> | undefined,
  value: number | bigint,
): Buffer {
  const { minLength, maxLength } = limits ?? { minLength: INLINE_BYTES, maxLength: INLINE_BYTES };
  const size = [minLength, INLINE_BYTES].find((bytes) => bytes > 0 && fits(value, bytes));
  if (size === undefined || size > INLINE_BYTES || size > maxLength || maxLength > INLINE_BYTES) {
    return wrong(`${minLength} to ${maxLength} bytes: give them as a Buffer`);
  }
  const field = Buffer.alloc(INLINE_BYTES);
  field.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return field.subarray(0, size);
}

function fits(value: number | bigint, sizeBytes: number): boolean {
  const bits = 8 * sizeBytes;
  const wide = BigInt(value);
  return BigInt.asUintN(bits, wide) === wide || BigInt.asIntN(bits, wide) === wide;
}

function handleBytes(handles: readonly number[]): Buffer {
  const bytes = Buffer.alloc(handles.length * 4);
  for (const [index, handle] of handles.entries()) bytes.writeUInt32LE(handle, index * 4);
  return bytes;
}

function isNumber(value: AttributeValue): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function isOut(value: AttributeValue): value is { readonly out: Buffer } {
  return typeof value === 'object' && 'out' in value;
}

type Chosen = Extract<AttributeValue, { readonly element: number | string }>;

function hasElement(value: AttributeValue): value is Chosen {
  return typeof value === 'object' && 'element' in value;
}

/** A value for an error message: `7`, `12 bytes`, `{out: 16 bytes}`, `new`. */
export function describeValue(value: AttributeValue): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value !== 'object') return String(value);
  if (isOut(value)) return `{out: ${value.out.length} bytes}`;
  if (hasElement(value)) return `{element ${value.element}: ${describeValue(value.data)}}`;
  return `[${value.join(', ')}]`;
}
