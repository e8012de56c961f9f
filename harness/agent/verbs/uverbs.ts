import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { UVERBS_ATTR_F_VALID_OUTPUT } from '../../../uapi/headers/rdma/rdma-user-ioctl-cmds.ts';
import type { UverbsMethod } from '../../../uapi/rdma/description.ts';
import type { AttributeValue, AttributeValues } from '../../../uapi/rdma/named-attributes.ts';
import { tryMethod, tryRawMethod } from '../../../uapi/rdma/uverbs-ioctl.ts';
import type { RawAttributeAfter, RawHeader } from '../../../uapi/rdma/verbs-argument.ts';
import { methodsByName } from '../../uverbs-names.ts';
import { CaseDefect, type Fields } from '../values.ts';
import {
  type Arguments,
  gaveFields,
  type PointContext,
  provided,
  refused,
  type VerbResult,
} from '../verb.ts';
import { type Abi, abiOf } from './ioctl-abi.ts';
import { type Attribute, attributeOf } from './uverbs-attribute.ts';
import { holdMade, targetOf } from './uverbs-made.ts';
import { decoded, inOrder, type Placed, placeAt, replaced } from './uverbs-value.ts';

export { uverbsWrite } from './uverbs-write.ts';

/** One method of RDMA_VERBS_IOCTL, right or wrong in any part of its header and attributes. */
export function uverbs(args: Arguments<'uverbs'>, context: PointContext): VerbResult {
  const method = methodOf(String(context.scope.scalar(args.method)));
  const attributes = attributesOf(method, args, context);
  const header = headerOf(method, attributes.length, args.header, context);
  const target = targetOf(args.fd, context);
  const abi = abiOf(args.entry === undefined ? undefined : context.scope.scalar(args.entry));
  const outcome = call(target.fd, { method, header, attributes, args, abi }, context);
  for (const { placed } of attributes) placed?.release();
  const overrun = attributes.find(({ room }) => room?.overrun !== undefined);
  if (overrun !== undefined) return wroteTooFar(overrun);
  if (!outcome.ok) return refused(outcome);
  for (const [index, { spec }] of attributes.entries()) {
    const after = outcome.value[index];
    if (spec?.access !== 'new' || after === undefined) continue;
    const number = Number(BigInt.asIntN(64, after.data));
    const made =
      spec.kind === 'fd' ? { fd: number } : { object: spec.object ?? '', handle: number };
    holdMade(made, target, header.driverId, context);
  }
  return gaveFields(fieldsOf(attributes, outcome.value));
}

function methodOf(name: string): UverbsMethod {
  const method = methodsByName().get(name);
  if (method !== undefined) return method;
  throw new CaseDefect(`there is no method ${name}`);
}

/** What is given, without the one that is left out, and with the one that comes twice at the end. */
function attributesOf(
  method: UverbsMethod,
  args: Arguments<'uverbs'>,
  context: PointContext,
): Attribute[] {
  const { without, twice, optional = [] } = args;
  const named = (name: string | undefined) => name && String(context.scope.scalar(name));
  const optionals = optional.map(named);
  const one = (name: string) => {
    const given = args.attributes[name];
    if (given === undefined) throw new CaseDefect(`the step gives no attribute ${name}`);
    return attributeOf(method, name, given, optionals.includes(name), context);
  };
  const left = named(without);
  const again = named(twice);
  const names = Object.keys(args.attributes).filter((name) => name !== left);
  return [...names, ...(again === undefined ? [] : [again])].map(one);
}

const HEADER_BYTES = 24;
const ATTRIBUTE_BYTES = 16;

function headerOf(
  method: UverbsMethod,
  count: number,
  wanted: Arguments<'uverbs'>['header'] = {},
  context: PointContext,
): RawHeader {
  const { driverId } = provided(context.session.session.verbs, 'verbs', context.session);
  return {
    length: replaced(HEADER_BYTES + count * ATTRIBUTE_BYTES, wanted.length, context),
    object: replaced(method.object.id, wanted.object, context),
    method: replaced(method.id, wanted.method, context),
    numAttributes: replaced(count, wanted.numAttributes, context),
    reserved1: BigInt(replaced(0, wanted.reserved1, context)),
    driverId: replaced(driverId, wanted.driverId, context),
    reserved2: replaced(0, wanted.reserved2, context),
  };
}

interface Call {
  readonly method: UverbsMethod;
  readonly header: RawHeader;
  readonly attributes: readonly Attribute[];
  readonly args: Arguments<'uverbs'>;
  readonly abi: Abi;
}

/** By description where that can say it, because the log then shows it by names; else raw. */
function call(
  fd: number,
  { method, header, attributes, args, abi }: Call,
  context: PointContext,
): CallOutcome<readonly RawAttributeAfter[]> {
  const plain = plainCall(attributes, args);
  if (plain !== undefined) return described(fd, { method, header, attributes, args, abi }, plain);
  const { entry, reach } = abi;
  let placed: Placed | undefined;
  const place = (bytes: Buffer) => {
    placed = placeAt(args.argument ?? '', bytes, context, reach);
    return placed.address;
  };
  const raw = attributes.map((one) => one.raw);
  const where = args.argument === undefined ? {} : { place };
  const outcome = tryRawMethod(fd, header, raw, { ...where, entry });
  placed?.release();
  if (outcome.ok) return { ok: true, value: outcome.value.attributes };
  return { ...outcome, call: `${method.object.name}.${method.name}` };
}

/** The values by name, when nothing of the call is wrong in a way that only raw calls can be. */
function plainCall(
  attributes: readonly Attribute[],
  { header, argument, twice }: Arguments<'uverbs'>,
): AttributeValues | undefined {
  if (header !== undefined || argument !== undefined || twice !== undefined) return undefined;
  const values: Record<string, AttributeValue> = {};
  for (const { spec, plain, raw } of attributes) {
    if (spec === undefined || plain === undefined) return undefined;
    if (Object.hasOwn(values, spec.name)) return undefined;
    if (spec.access === 'new' && raw.data !== 0n) return undefined;
    values[spec.name] = plain;
  }
  return values;
}

function described(
  fd: number,
  { method, header, attributes, abi }: Call,
  values: AttributeValues,
): CallOutcome<readonly RawAttributeAfter[]> {
  const optional = attributes.flatMap(({ spec, raw }) =>
    raw.flags === 0 && spec ? [spec.name] : [],
  );
  const { entry } = abi;
  const outcome = tryMethod(fd, header.driverId, method, values, { optional, entry });
  if (!outcome.ok) return outcome;
  const result = outcome.value;
  const value = attributes.map(({ spec, raw }) => {
    const { id } = raw;
    if (spec?.access === 'new') {
      const number = spec.kind === 'fd' ? result.fd(spec.name) : result.handle(spec.name);
      return { id, length: 0, flags: 0, data: BigInt(number) };
    }
    const isValid = spec !== undefined && result.isValid(spec.name);
    return { id, length: 0, flags: isValid ? UVERBS_ATTR_F_VALID_OUTPUT : 0, data: 0n };
  });
  return { ok: true, value };
}

function fieldsOf(attributes: readonly Attribute[], after: readonly RawAttributeAfter[]): Fields {
  const values: Record<string, Fields[string]> = {};
  const validOutput: Record<string, boolean> = {};
  const tail: Record<string, bigint> = {};
  const bytes: Record<string, bigint> = {};
  for (const [index, { name, spec, room, struct }] of attributes.entries()) {
    const { data = 0n, flags = 0 } = after[index] ?? {};
    if (spec?.access === 'new') values[name] = BigInt.asIntN(64, data);
    if (room === undefined) continue;
    const read = decoded(room.bytes, struct);
    values[name] = read.value;
    tail[name] = read.tail;
    bytes[name] = inOrder(room.bytes);
    validOutput[name] = (flags & UVERBS_ATTR_F_VALID_OUTPUT) !== 0;
  }
  return { ...values, validOutput, tail, bytes };
}

function wroteTooFar({ name, room }: Attribute): VerbResult {
  return {
    kind: 'mismatch',
    expected: `the bytes behind the ${room?.bytes.length} of ${name} as they were`,
    actual: `byte ${room?.overrun} changed`,
  };
}
