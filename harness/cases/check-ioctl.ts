import type { Step } from '../../cases/types.gen.ts';
import type { Command } from '../../uapi/description.ts';
import { FieldChecks } from './check-fields.ts';
import { type Answerer, type Answerers, commandOf } from './headers.ts';
import { hint } from './problems.ts';
import type { Reply } from './reply.ts';
import type { Blame } from './scope.ts';

type Ioctl = NonNullable<Step['ioctl']>;

/**
 * Checks the names and numbers of an ioctl step and of what it gives.
 *
 * @returns the step with numbers for the names of constants, and what can be read of its reply
 */
export function checkIoctl(
  step: Step & { readonly ioctl: Ioctl },
  answerers: Answerers,
  blame: Blame,
): { readonly step: Step; readonly reply?: Reply } {
  const command = findCommand(step.ioctl.command, answerers.all, blame.below('ioctl', 'command'));
  if (command === undefined) return { step };
  const { struct } = command;
  const { fields = {} } = step.ioctl;
  const { result, ...expected } = step.gives ?? {};
  if (struct === undefined) {
    const text = (path: string) => `${command.name} takes no struct, so it has no field '${path}'`;
    for (const path in fields) blame.key(['ioctl', 'fields', path], text(path));
    for (const path in expected) blame.key(['gives', path], text(path));
    return { step };
  }
  const checks = new FieldChecks(answerers.constants, answerers.structs);
  const checked = checks.fields(fields, struct, blame.below('ioctl', 'fields'));
  const { reply } = checked;
  const ioctl =
    step.ioctl.fields === undefined ? step.ioctl : { ...step.ioctl, fields: checked.values };
  if (step.gives === undefined) return { step: { ...step, ioctl }, reply };
  const given = checks.expectations(expected, reply, blame.below('gives'));
  const gives = result === undefined ? given : { ...given, result };
  return { step: { ...step, ioctl, gives }, reply };
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
