import { sayRun, sayUncaught } from '../guest-lines.ts';
import { runOwnSuite } from '../own-suite.ts';
import { idsOfHost, SELECTION, traced, WITH_DESTRUCTIVE } from './guest-half.ts';
import type { OwnCoverage } from './measurement.ts';

/** In another boot of the same guest: what our suite executes. */

sayUncaught();
const selection = [...SELECTION, ...WITH_DESTRUCTIVE, ...idsOfHost()];
const { coverage, value } = await traced(() => runOwnSuite(selection));
sayRun('ours', value);
const measured: OwnCoverage = { ourCoverage: coverage };
console.log(JSON.stringify(measured));
