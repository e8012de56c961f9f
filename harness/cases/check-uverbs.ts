import type { Step } from '../../cases/types.gen.ts';
import { codecOf, LayoutError } from '../../uapi/codec.ts';
import type { AnyStruct } from '../../uapi/description.ts';
import { description as efaHeader } from '../../uapi/headers/rdma/efa-abi.ts';
import { description as commandsHeader } from '../../uapi/headers/rdma/ib-user-ioctl-cmds.ts';
import { description as verbsHeader } from '../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import { description as writeHeader } from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { description as headerHeader } from '../../uapi/headers/rdma/rdma-user-ioctl-cmds.ts';
import type { UverbsAttribute, UverbsMethod, WriteCommand } from '../../uapi/rdma/description.ts';
import { parseSize, SizeError } from '../size.ts';
import {
  attributeNamed,
  attributeNames,
  attributeStruct,
  commandsByName,
  DRIVER_HEADERS,
  driverStructs,
  isNumber,
  methodsByName,
} from '../uverbs-names.ts';
import { Constants, toJsonNumber } from './constants.ts';
import { hint } from './problems.ts';
import type { Blame } from './scope.ts';

/**
 * Checks the names and numbers of `uverbs` and `uverbsWrite` steps against the descriptions of the
 * interface, and puts numbers in the place of the names of constants.
 */

type Uverbs = NonNullable<Step['uverbs']>;
type UverbsWrite = NonNullable<Step['uverbsWrite']>;
type Attribute = Uverbs['attributes'][string];
type Parts = Exclude<Attribute, string | number | boolean | readonly unknown[]>;
type Scalar = string | number | boolean;
type FieldValue = NonNullable<UverbsWrite['fields']>[string];

const constants = new Constants([
  verbsHeader,
  commandsHeader,
  writeHeader,
  headerHeader,
  efaHeader,
  ...DRIVER_HEADERS,
]);

/** What is looked at beside the values: kept by attribute. */
const VIEWS = ['validOutput', 'tail', 'bytes'] as const;

/** @returns the step with numbers for the names of constants */
export function checkUverbs(step: Step & { readonly uverbs: Uverbs }, blame: Blame): Step {
  const { uverbs } = step;
  const place = blame.below('uverbs');
  const method = methodNamed(uverbs.method, place.below('method'));
  if (method === undefined) return step;
  const attributes = Object.fromEntries(
    Object.entries(uverbs.attributes).map(([name, given]) => [
      name,
      checkAttribute(method, name, given, place.below('attributes')),
    ]),
  );
  checkMentions(uverbs, place);
  const header = withNumbers(uverbs.header ?? {}, place.below('header'));
  const checked = { ...uverbs, attributes, ...(uverbs.header && { header }) };
  if (step.gives === undefined) return { ...step, uverbs: checked };
  const gives = checkGiven(step.gives, method, uverbs, blame.below('gives'));
  return { ...step, uverbs: checked, gives };
}

/** Undefined also for a parameter, whose values are looked at one by one. */
function methodNamed(name: string, blame: Blame): UverbsMethod | undefined {
  if (name.startsWith('$')) return undefined;
  const method = methodsByName().get(name);
  if (method === undefined) {
    blame.value(
      [],
      `'${name}' is no method of uverbs; ${hint(name, new Set(methodsByName().keys()))}`,
    );
  }
  return method;
}

function checkAttribute(
  method: UverbsMethod,
  name: string,
  given: Attribute,
  blame: Blame,
): Attribute {
  const spec = attributeNamed(method, name);
  if (spec === undefined && !isNumber(name)) {
    const names = new Set(attributeNames(method));
    blame.key([name], `'${name}' is no attribute of ${method.name}; ${hint(name, names)}`);
  }
  const place = blame.below(name);
  if (Array.isArray(given)) return given;
  if (typeof given !== 'object') return checkValue(given, spec, place);
  const { value, fields } = given as Parts;
  const struct = structOf(spec, given as Parts, place);
  if (given.out !== undefined && spec !== undefined && spec.kind !== 'ptr-out') {
    place.value(['out'], `'${name}' is no output; give a value, 'bytes' or 'fields'`);
  }
  const checked = { ...given };
  if (value !== undefined) checked.value = withNumber(value, place.below('value'));
  if (fields !== undefined)
    checked.fields = checkFields(fields, struct, name, place.below('fields'));
  return checked;
}

/** The struct of the attribute, or the one that the step names. */
function structOf(
  spec: UverbsAttribute | undefined,
  given: Attribute | undefined,
  blame?: Blame,
): AnyStruct | undefined {
  const isParts = typeof given === 'object' && !Array.isArray(given);
  const named = isParts ? (given as Parts).struct : undefined;
  const struct = attributeStruct(spec, named);
  if (named !== undefined && struct === undefined) {
    const known = new Set(driverStructs().keys());
    blame?.value(['struct'], `'${named}' is no struct of a driver; ${hint(named, known)}`);
  }
  return struct;
}

function checkValue(given: Scalar, spec: UverbsAttribute | undefined, blame: Blame): Scalar {
  if (spec?.kind === 'ptr-out') {
    blame.value([], `'${spec.name}' is an output; say how much room it has: { "out": 8 }`);
  }
  if (given === 'new') {
    if (spec?.access !== 'new') blame.value([], `this attribute makes no object; give its value`);
    return given;
  }
  return withNumber(given, blame);
}

/** `without`, `twice` and `optional` name attributes of the step. */
function checkMentions({ without, twice, optional = [], attributes }: Uverbs, blame: Blame): void {
  const given = new Set(Object.keys(attributes));
  const mention = (name: string | undefined, place: Blame) => {
    if (name === undefined || name.startsWith('$') || given.has(name)) return;
    place.value([], `the step gives no attribute '${name}'; ${hint(name, given)}`);
  };
  mention(without, blame.below('without'));
  mention(twice, blame.below('twice'));
  for (const [index, name] of optional.entries()) mention(name, blame.below('optional', index));
}

function checkGiven(
  gives: NonNullable<Step['gives']>,
  method: UverbsMethod,
  { attributes }: Uverbs,
  blame: Blame,
): NonNullable<Step['gives']> {
  const entries = Object.entries(gives).map(([path, value]) => {
    const view = VIEWS.find((one) => path.startsWith(`${one}.`));
    const [name = '', ...rest] = (view === undefined ? path : path.slice(view.length + 1)).split(
      /[.[]/,
    );
    const struct = structOf(attributeNamed(method, name), attributes[name]);
    if (!Object.hasOwn(attributes, name)) {
      const known = new Set(Object.keys(attributes));
      blame.key(
        [path],
        `the step has no attribute '${name}', so it gives none; ${hint(name, known)}`,
      );
    } else if (struct !== undefined && view === undefined && rest.length > 0) {
      fieldOf(struct, path.slice(name.length + 1), blame, path);
    }
    return [path, typeof value === 'boolean' ? value : withNumber(value, blame.below(path))];
  });
  return Object.fromEntries(entries);
}

/** @returns the step with numbers for the names of constants */
export function checkUverbsWrite(
  step: Step & { readonly uverbsWrite: UverbsWrite },
  blame: Blame,
): Step {
  const { uverbsWrite } = step;
  const place = blame.below('uverbsWrite');
  const command = commandNamed(uverbsWrite.command, place.below('command'));
  if (command === undefined) return step;
  const { fields, header } = uverbsWrite;
  const checked = {
    ...uverbsWrite,
    ...(fields && {
      fields: checkFields(fields, command.request, command.name, place.below('fields')),
    }),
    ...(header && { header: withNumbers(header, place.below('header')) }),
  };
  for (const key of ['request', 'response', 'count'] as const) {
    const size = uverbsWrite[key];
    if (size !== undefined) withNumber(size, place.below(key));
  }
  if (step.gives === undefined) return { ...step, uverbsWrite: checked };
  const entries = Object.entries(step.gives).map(([path, value]) => {
    const at = blame.below('gives');
    if (path !== 'tail' && path !== 'bytes') {
      if (command.response === undefined) at.key([path], `${command.name} has no response`);
      else fieldOf(command.response, path, at, path);
    }
    return [path, typeof value === 'boolean' ? value : withNumber(value, at.below(path))] as const;
  });
  return { ...step, uverbsWrite: checked, gives: Object.fromEntries(entries) };
}

function commandNamed(name: string, blame: Blame): WriteCommand | undefined {
  if (name.startsWith('$')) return undefined;
  const command = commandsByName().get(name);
  if (command === undefined) {
    const known = new Set(commandsByName().keys());
    blame.value([], `'${name}' is no write command of uverbs; ${hint(name, known)}`);
  }
  return command;
}

function checkFields(
  fields: Readonly<Record<string, FieldValue>>,
  struct: AnyStruct | undefined,
  owner: string,
  blame: Blame,
): Record<string, FieldValue> {
  if (struct === undefined) {
    blame.value([], `'${owner}' has no struct that is known, so it has no fields; use 'bytes'`);
    return { ...fields };
  }
  const checked = Object.entries(fields).map(([path, value]) => {
    const field = fieldOf(struct, path, blame, path);
    if (field === undefined || Array.isArray(value)) return [path, value];
    const plain = withNumber(value, blame.below(path));
    const known = knownNumber(plain);
    if (known !== undefined && field.kind !== 'chars') {
      try {
        codecOf(field).write(Buffer.alloc(field.size || 1), 0, known, path);
      } catch (error) {
        if (!(error instanceof LayoutError)) throw error;
        blame.value([path], error.message);
      }
    }
    return [path, plain];
  });
  return Object.fromEntries(checked);
}

function fieldOf(struct: AnyStruct, path: string, blame: Blame, key: string) {
  try {
    return struct.field(path).field;
  } catch (error) {
    if (!(error instanceof LayoutError)) throw error;
    blame.key([key], error.message);
    return undefined;
  }
}

function knownNumber(value: Scalar): number | bigint | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  return /^0x[0-9a-fA-F]+$/.test(value) ? BigInt(value) : undefined;
}

function withNumbers<T extends Readonly<Record<string, Scalar>>>(values: T, blame: Blame): T {
  const entries = Object.entries(values).map(([key, value]) => [
    key,
    withNumber(value, blame.below(key)),
  ]);
  return Object.fromEntries(entries) as T;
}

/** The number for the name of a constant; sizes and references stay as they are. */
function withNumber(value: Scalar, blame: Blame): Scalar {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    blame.value([], `${value} is beyond 2^53, where JSON is not exact; write it as '0x…'`);
  }
  if (typeof value !== 'string') return value;
  try {
    parseSize(value);
    return value;
  } catch (error) {
    if (!(error instanceof SizeError)) throw error;
    if (!/^[A-Za-z_]/.test(value)) {
      blame.value([], error.message);
      return value;
    }
  }
  const constant = constants.resolve(value);
  if ('value' in constant) return toJsonNumber(constant.value);
  blame.value([], constant.wrong);
  return value;
}
