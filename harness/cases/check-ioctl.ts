import type { Step } from '../../cases/types.gen.ts';
import { codecOf, LayoutError } from '../../uapi/codec.ts';
import type { Command, Field } from '../../uapi/description.ts';
import type { Struct } from '../../uapi/layout.ts';
import { parseSize, SizeError } from '../size.ts';
import { type Constants, toJsonNumber } from './constants.ts';
import { type Answerer, type Answerers, commandOf } from './headers.ts';
import { hint } from './problems.ts';
import type { Blame } from './scope.ts';

type Ioctl = NonNullable<Step['ioctl']>;
type Value = NonNullable<Ioctl['fields']>[string];
type Scalar = string | number | boolean;

/** The largest flexible array that a case can fill. */
const FLEXIBLE_BYTES = 65536;

/**
 * Checks the names and numbers of an ioctl step and of what it gives.
 *
 * @returns the step with numbers for the names of constants, and the command where it is known
 */
export function checkIoctl(
  step: Step & { readonly ioctl: Ioctl },
  answerers: Answerers,
  blame: Blame,
): { readonly step: Step; readonly command?: Command } {
  const command = findCommand(step.ioctl.command, answerers.all, blame.below('ioctl', 'command'));
  if (command === undefined) return { step };
  const values = new Values(command, answerers.constants);
  const { fields } = step.ioctl;
  const ioctl =
    fields === undefined
      ? step.ioctl
      : { ...step.ioctl, fields: values.resolve(fields, blame.below('ioctl', 'fields')) };
  if (step.gives === undefined) return { step: { ...step, ioctl }, command };
  const { result, ...rest } = step.gives;
  const checked = values.resolve(rest, blame.below('gives')) as Record<string, Scalar>;
  const gives = result === undefined ? checked : { ...checked, result };
  return { step: { ...step, ioctl, gives }, command };
}

/** The command, if all who may be asked know it. */
function findCommand(
  name: string,
  answerers: readonly Answerer[],
  blame: Blame,
): Command | undefined {
  const found = answerers.map((answerer) => ({ answerer, command: commandOf(answerer, name) }));
  const without = found.filter(({ command }) => command === undefined);
  const command = found.find((one) => one.command !== undefined)?.command;
  if (command === undefined && answerers.length > 0) {
    const known = answerers.flatMap(({ headers }) =>
      headers.flatMap(({ commands }) => Object.keys(commands)),
    );
    const who = answerers.map((answerer) => answerer.who).join(', ');
    blame.value([], `'${name}' is no command of ${who}; ${hint(name, new Set(known))}`);
  } else if (without.length > 0) {
    const who = without.map(({ answerer }) => answerer.who).join(', ');
    const mend = 'name the providers of the role, or what it needs';
    blame.value([], `'${name}' is no command of ${who}, which the role also allows; ${mend}`);
  }
  return command;
}

/** Checks values against the struct of one command. */
class Values {
  readonly #command: Command;
  readonly #constants: Constants;

  constructor(command: Command, constants: Constants) {
    this.#command = command;
    this.#constants = constants;
  }

  resolve(values: Readonly<Record<string, Value>>, blame: Blame): Record<string, Value> {
    const resolved: Record<string, Value> = {};
    for (const [path, value] of Object.entries(values)) {
      const field = this.#field(path, blame);
      resolved[path] =
        field === undefined ? value : this.#value(value, field, path, blame.below(path));
    }
    return resolved;
  }

  #field(path: string, blame: Blame): Field | undefined {
    const struct: Struct | undefined = this.#command.struct;
    if (struct === undefined) {
      blame.key([path], `${this.#command.name} takes no struct, so it has no field '${path}'`);
      return undefined;
    }
    try {
      return struct.field(path).field;
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error;
      blame.key([path], error.message);
      return undefined;
    }
  }

  #value(value: Value, field: Field, path: string, blame: Blame): Value {
    if (!Array.isArray(value)) return this.#scalar(value, field, path, blame);
    if (field.kind !== 'array') {
      blame.value([], `'${path}' is ${field.type}, which takes one value and no list`);
      return value;
    }
    if (!field.flexible && value.length > field.length) {
      blame.value([], `'${path}' has room for ${field.length} values, here are ${value.length}`);
    }
    return value.map((item, index) => {
      const checked = this.#scalar(item, field.element, `${path}[${index}]`, blame.below(index));
      return typeof checked === 'boolean' ? Number(checked) : checked;
    });
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
      const terms = parseSize(text);
      let sum = 0n;
      for (const term of terms) {
        if (term.kind !== 'bytes') return undefined;
        sum += term.sign * term.bytes;
      }
      return sum;
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
