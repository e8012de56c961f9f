import type { DeviceRecord } from '../../reports/results.ts';
import type { Library } from './library.ts';
import { within } from './limits.ts';
import { WorkerDied, WorkerProcess } from './worker-process.ts';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

/** What a worker that looked for devices is given to be gone. */
const END_MS = 10_000;
/** What the probe of one device is given, also where everything is emulated. */
const PROBE_LIMIT_MS = 120_000;
/** The host is told so often that one goes on: it waits no longer for a sign of life. */
const PROBE_NOTE_MS = 30_000;

/** A question went wrong: the worker died of it, or could not answer. */
export class ScoutFailed extends Error {
  override name = 'ScoutFailed';
  readonly kind: 'infra' | 'usage';

  constructor(kind: 'infra' | 'usage', message: string) {
    super(message);
    this.kind = kind;
  }
}

/** What else belongs to a probe. */
export interface Probing {
  /** Is told of a device that could not be probed. */
  say(text: string): void;
  /** Begins something while the first worker is at work. */
  meanwhile(): void;
}

/**
 * Looks for devices and probes them, in workers of its own, since drivers can crash and hang in that, too.
 * Whoever has asked ends it.
 */
export class Scout {
  readonly #library: Library;
  #worker: WorkerProcess | undefined;
  #found: readonly DeviceRecord[] = [];
  #isClosed = false;

  constructor(library: Library) {
    this.#library = library;
  }

  /** @throws ScoutFailed */
  async discover(): Promise<readonly DeviceRecord[]> {
    const answer = await this.#ask({ t: 'discover' });
    if (answer.t !== 'devices') throw new ScoutFailed('usage', textOf(answer));
    this.#found = answer.devices;
    return answer.devices;
  }

  /**
   * Each device by itself: of one whose probe does not come to its end nothing is known, and the others go on.
   *
   * @throws ScoutFailed for a device that was not discovered
   */
  async probe(addresses: readonly string[], how: Probing): Promise<readonly DeviceRecord[]> {
    const devices: DeviceRecord[] = [];
    for (const [index, address] of addresses.entries()) {
      const going = setInterval(() => how.say(`the probe of ${address} goes on`), PROBE_NOTE_MS);
      const probed = await this.#probeOne(address, index === 0 ? how.meanwhile : undefined);
      clearInterval(going);
      if (typeof probed === 'string') {
        how.say(`${address} could not be probed: ${probed}`);
        devices.push(this.#unknown(address, probed));
      } else devices.push(probed);
    }
    return devices;
  }

  /** @returns why not, in place of the device */
  async #probeOne(address: string, meanwhile?: () => void): Promise<DeviceRecord | string> {
    try {
      const asked = this.#ask({ t: 'probe', addresses: [address] }, meanwhile);
      const answer = await within(PROBE_LIMIT_MS, asked);
      const device = answer.t === 'probed' ? answer.devices[0] : undefined;
      return device ?? textOf(answer);
    } catch (error) {
      await this.end();
      return error instanceof Error ? error.message : String(error);
    }
  }

  #unknown(address: string, reason: string): DeviceRecord {
    const found = this.#found.find((one) => one.address === address);
    if (found === undefined) throw new ScoutFailed('usage', `probe of ${address}: ${reason}`);
    const [first = ''] = reason.split('\n', 1);
    const why = `the probe did not come to its end: ${first}`;
    const missing = Object.fromEntries(found.capabilities.map((name) => [name, why]));
    return { ...found, capabilities: [], missing };
  }

  async #ask(message: ToWorker, meanwhile?: () => void): Promise<FromWorker> {
    await this.#library.settled();
    if (this.#isClosed) throw new ScoutFailed('infra', 'the agent is to end');
    this.#worker ??= await WorkerProcess.start(this.#library);
    const worker = this.#worker;
    try {
      const asked = worker.request(message);
      meanwhile?.();
      return await asked;
    } catch (error) {
      const kind = error instanceof WorkerDied ? 'infra' : 'usage';
      throw new ScoutFailed(kind, `the worker: ${String(error)} ${worker.output}`.trimEnd());
    }
  }

  /** Ends it for good. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.end();
  }

  /** Its worker is gone afterwards, or stuck in the kernel. */
  async end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.end(END_MS);
  }
}

function textOf(answer: FromWorker): string {
  return answer.t === 'failed' ? answer.error : `unexpected answer ${answer.t}`;
}
