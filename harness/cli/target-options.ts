import type { Argv } from 'yargs';
import { singleText, texts } from './option-values.ts';

/** Options that say where the drivers are; shared by `run` and `devices`. */
export function withTargetOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('target', {
      describe: 'Where the drivers are: local, vm, vm:KERNEL or ssh:HOST',
      type: 'string',
      requiresArg: true,
      default: 'local',
      coerce: singleText('--target'),
    })
    .option('kernel', {
      describe: 'vm: boot this bzImage instead of a named kernel',
      type: 'string',
      requiresArg: true,
      coerce: singleText('--kernel'),
    })
    .option('modules', {
      describe: 'vm: modules of --kernel',
      type: 'string',
      requiresArg: true,
      coerce: singleText('--modules'),
    })
    .option('unprivileged', {
      describe: 'vm: run the agent as an ordinary user in the group of the device nodes',
      type: 'boolean',
      default: false,
    })
    .option('become', {
      describe: 'ssh: run the agent as root with sudo -n',
      type: 'boolean',
      default: false,
    })
    .option('ssh-config', {
      describe: 'ssh: a configuration file in place of the user’s',
      type: 'string',
      requiresArg: true,
      coerce: singleText('--ssh-config'),
    })
    .option('provider', {
      describe: 'Only devices of this provider; a path loads a provider from outside the tree',
      type: 'string',
      requiresArg: true,
      coerce: texts('--provider'),
    })
    .option('power-cycle', {
      describe: 'ssh: a shell command, run here, that restarts the machine after it was lost',
      type: 'string',
      requiresArg: true,
      coerce: singleText('--power-cycle'),
    })
    .group(
      ['target', 'kernel', 'modules', 'unprivileged', 'become', 'ssh-config', 'power-cycle'],
      'Target:',
    );
}
