import { WorkerProcess } from './worker-process.ts';

/** What an ended worker is given to be gone, when nobody waits for what it did. */
const END_LIMIT_MS = 10_000;

/**
 * Workers, one of them started ahead: whoever loses his has the next at once, in a machine that is
 * emulated too. It is started when the one before is ready, so as not to slow that down.
 */
export class WorkerSupply {
  /** Of providers outside the tree, which workers know too. */
  readonly providerPaths: readonly string[];
  #spare: WorkerProcess | undefined;
  #closed = false;

  constructor(providerPaths: readonly string[]) {
    this.providerPaths = providerPaths;
  }

  take(): WorkerProcess {
    const spare = this.#spare;
    this.#spare = undefined;
    const worker = spare?.isAlive === true ? spare : this.#start();
    void worker.started.then(
      () => this.#refill(),
      () => {
        // It died at its start, which its taker is told.
      },
    );
    return worker;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#spare?.end(END_LIMIT_MS);
  }

  #refill(): void {
    if (!this.#closed) this.#spare ??= this.#start();
  }

  #start(): WorkerProcess {
    return new WorkerProcess(this.providerPaths);
  }
}
