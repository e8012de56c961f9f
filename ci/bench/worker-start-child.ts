import { Library } from '../../harness/agent/library.ts';
import { WorkerProcess } from '../../harness/agent/worker-process.ts';

/** Starts two workers and prints how long each took to give its first answer. */

const EMPTY_CASE = { id: 'bench/empty', steps: [], roles: [], expectLog: [] };

async function takenMs(library: Library): Promise<number> {
  const start = performance.now();
  const worker = await WorkerProcess.start(library);
  await worker.request({ t: 'case', case: EMPTY_CASE });
  const tookMs = performance.now() - start;
  await worker.end(1000);
  return tookMs;
}

const library = new Library();
library.loadProviders([]);
await library.settled();
const first = await takenMs(library);
console.log(JSON.stringify({ first, next: await takenMs(library) }));
