import { runOwnSuite } from '../own-suite.ts';
import { SELECTION, sayTroubles, sayUncaught, traced } from './guest-half.ts';
import type { OwnCoverage } from './measurement.ts';

/** In another boot of the same guest: what our suite executes. */

sayUncaught();
const { coverage, value } = await traced(() => runOwnSuite(SELECTION));
sayTroubles(value);
const measured: OwnCoverage = { ourCoverage: coverage };
console.log(JSON.stringify(measured));
