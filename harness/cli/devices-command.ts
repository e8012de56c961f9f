import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { withTargetOptions } from './target-options.ts';

type DevicesOptions =
  ReturnType<typeof withTargetOptions> extends Argv<infer Options> ? Options : never;
export type DevicesArguments = ArgumentsCamelCase<DevicesOptions>;

/** `uapi-conform devices` */
export const devicesCommand: CommandModule<object, DevicesOptions> = {
  command: 'devices',
  describe: 'Show the devices of a target; reads sysfs and opens none',
  builder: (yargs) =>
    withTargetOptions(yargs)
      .example('$0 devices', 'Those of this machine')
      .example('$0 devices --target ssh:board', 'Those of another one')
      .epilogue('Exit codes: 0, also when there is none; 2 usage, 3 the target cannot be had.'),
  handler: async (given) => {
    const { showDevices } = await import('./show-devices.ts');
    await showDevices(given);
  },
};
