import { release } from 'node:os';
import { sayRun, sayUncaught } from '../guest-lines.ts';
import { runOwnSuite } from '../own-suite.ts';
import { traced, WITH_DESTRUCTIVE } from './guest-half.ts';
import { DRIVERS, type EveryDevice, MODULES } from './measurement.ts';

/** In the guest: what our suite executes on all RDMA devices of the lab, each case once a driver. */

/** With one that exports buffers, for what registers dma-bufs. */
const DEVICES = ['--device', 'rdma@*', '--device', 'udmabuf@udmabuf'];
const SELECTION = [...DEVICES, '--sample', ...WITH_DESTRUCTIVE];

sayUncaught();
const { coverage, value } = await traced(() => runOwnSuite(SELECTION), [...MODULES, ...DRIVERS]);
sayRun('ours', value);
const measured: EveryDevice = { kernel: release(), times: value.times, coverage };
console.log(JSON.stringify(measured));
