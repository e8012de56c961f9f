import { writeSync } from 'node:fs';
import { acceptConnection } from '../../uapi/sys-listen.ts';
import { EfaDevice } from './efa/device.ts';
import { ErdmaDevice } from './erdma/device.ts';
import { IdpfDevice } from './idpf/device.ts';
import { Mlx5Device } from './mlx5/device.ts';
import { LISTENING_FD } from './process.ts';
import type { MakeDevice } from './vfio-user/device.ts';
import { serveDevice } from './vfio-user/server.ts';

/**
 * A device model as a process: `node build/ci/models/main.js NAME`, with a listening socket as file
 * descriptor 3. It serves the one who connects, and ends with the connection.
 */
const MODELS: Readonly<Record<string, MakeDevice>> = {
  efa: (host) => new EfaDevice(host),
  erdma: (host) => new ErdmaDevice(host),
  irdma: (host) => new IdpfDevice(host),
  'mlx5-ethernet': (host) => new Mlx5Device(host, 'ethernet'),
  'mlx5-infiniband': (host) => new Mlx5Device(host, 'infiniband'),
};

const STARTED_MS = Date.now();

/** At once and in full: the process may not live to see its event loop again. */
function say(line: string): void {
  writeSync(2, `[${((Date.now() - STARTED_MS) / 1000).toFixed(3)}] ${line}\n`);
}

const [name = ''] = process.argv.slice(2);
const make = MODELS[name];
if (make === undefined) {
  const known = Object.keys(MODELS).join(', ');
  process.stderr.write(`there is no device model "${name}"; there are: ${known}\n`);
  process.exitCode = 2;
} else {
  serveDevice(acceptConnection(LISTENING_FD), make, say);
}
