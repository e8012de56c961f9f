import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  type AgentMessage,
  decodeLine,
  encodeLine,
  type HostMessage,
  PROTOCOL_VERSION,
} from '../../harness/protocol.ts';
import { createVmTarget } from '../lab/target.ts';
import type { Measured } from './harness.ts';

const POINTS = 2000;

/**
 * What a point costs on its way: points are sent to the agent in the guest and cancelled there, so
 * that each is a message in and an outcome out and nothing else.
 */
export async function measureProtocol(): Promise<Measured> {
  const outputDir = mkdtempSync(join(tmpdir(), 'uapi-bench-'));
  const say = (line: string) => console.error(line);
  const vm = { outputDir, modulesToLoad: [], qemuDevices: [], say };
  const connection = await (await createVmTarget(vm)).connect(say);
  const send = (message: HostMessage) => connection.input.write(encodeLine(message));
  const lines = createInterface({ input: connection.output })[Symbol.asyncIterator]();
  const next = async () => decodeLine<AgentMessage>((await lines.next()).value ?? '');
  try {
    send({ t: 'hello', protocol: PROTOCOL_VERSION, providers: [], jobs: 1, isolate: false });
    while ((await next()).t !== 'hello');
    const start = performance.now();
    for (let i = 0; i < POINTS; i++) {
      // An exclusive point waits for the one before it, so that all but the first are cancelled.
      const devices = { device: 'null@null' };
      const point = { id: `p${i}`, case: 'bench/empty/nothing', parameters: {}, devices };
      send({ t: 'point', point: { ...point, timeoutMs: 1000, inactivityMs: 0, exclusive: true } });
    }
    send({ t: 'cancel' });
    for (let outcomes = 0; outcomes < POINTS - 1; ) if ((await next()).t === 'outcome') outcomes++;
    const ms = (performance.now() - start) / POINTS;
    return {
      what: 'protocol of a point in the VM',
      value: `${ms.toFixed(2)} ms`,
      target: '<= 0.3 ms',
    };
  } finally {
    await connection.close();
    rmSync(outputDir, { recursive: true });
  }
}
