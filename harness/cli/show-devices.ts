import type { DeviceRecord } from '../../reports/results.ts';
import { plainTable } from '../../reports/table.ts';
import { loadProviders } from '../providers.ts';
import { discover, greet } from '../run/connect.ts';
import { StopSignals } from '../run/stop-signals.ts';
import { selectDevices } from '../select.ts';
import { checkTargetRequest, openTarget } from '../targets/open-target.ts';
import type { DevicesArguments } from './devices-command.ts';
import { openRunConsole } from './run-console.ts';
import { targetRequest } from './run-request.ts';
import { ScratchDirectory } from './scratch-directory.ts';

/** Prints what sysfs of the target shows. */
export async function showDevices(given: DevicesArguments): Promise<void> {
  const request = targetRequest(given);
  checkTargetRequest(request);
  const providers = await loadProviders(request.providerPaths);
  const found = await findDevices(request);
  const devices = selectDevices(found, { providers: request.providers, devices: [] }, providers);
  if (devices.length === 0) {
    const known = providers.map(({ name }) => name).join(', ');
    process.stderr.write(`uapi-conform: no device on ${request.target}; providers: ${known}\n`);
    return;
  }
  for (const line of deviceLines(devices)) process.stdout.write(`${line}\n`);
}

function deviceLines(devices: readonly DeviceRecord[]): string[] {
  const rows = devices.map(({ address, driver, node, identity }) => {
    return [address, driver, node, identity['where'] ?? ''];
  });
  return plainTable(['address', 'driver', 'node', 'where'], rows, 4);
}

async function findDevices(
  request: ReturnType<typeof targetRequest>,
): Promise<readonly DeviceRecord[]> {
  const console = await openRunConsole();
  const say = (line: string) => console.say(line);
  using scratch = new ScratchDirectory();
  using stop = new StopSignals().listen();
  try {
    const { target, providerPaths } = await openTarget(request, scratch.path, say, stop.stop);
    const agent = { providers: providerPaths, jobs: 0, isolate: false };
    const { session } = await greet(target, agent, say, stop.stop);
    try {
      return await discover(session, target, say, stop.stop);
    } finally {
      await session.close();
    }
  } finally {
    console.stop();
  }
}
