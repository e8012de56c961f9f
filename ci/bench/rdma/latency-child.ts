import { ownLatency } from './own-latency.ts';

/** `node latency-child.js IBDEV [logged]`: a process that does nothing else, as perftest's are. */
const [ibdev = '', mode] = process.argv.slice(2);
console.log(JSON.stringify(ownLatency(ibdev, mode === 'logged')));
