import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** ib_write_lat and ib_read_lat, both ends on one device. */

const PORT = 18515;
const LIMIT_MS = 120_000;
/** Under emulation a process takes a second to start. */
const LISTEN_MS = 30_000;
const STEP_MS = 50;

/**
 * One run with the program's defaults: 2 bytes, 1000 iterations, no huge pages.
 *
 * @param address of the device's network interface
 * @returns the median in microseconds, which the program calls t_typical; of a write it is half of
 * what there and back takes
 */
export async function perftestUs(
  program: string,
  device: string,
  address: string,
): Promise<number> {
  const args = ['-F', '-d', device, '-p', String(PORT)];
  const server = spawn(program, args, { stdio: 'ignore' });
  try {
    await listening(server);
    const client = spawnSync(program, [...args, address], { encoding: 'utf8', timeout: LIMIT_MS });
    const typical = parsePerftest(client.stdout);
    if (typical === undefined) {
      throw new Error(`${program} gave no result: ${client.stdout}${client.stderr}`);
    }
    await once(server, 'exit');
    return typical;
  } finally {
    server.kill();
  }
}

/** The row below `#bytes #iterations t_min t_max t_typical …`. */
export function parsePerftest(output: string): number | undefined {
  const lines = output.split('\n').map((line) => line.trim());
  const head = lines.findIndex((line) => line.startsWith('#bytes'));
  const names = lines[head]?.split(/\s+/) ?? [];
  const values = lines[head + 1]?.split(/\s+/) ?? [];
  const typical = Number(values[names.findIndex((name) => name.startsWith('t_typical'))]);
  return Number.isNaN(typical) ? undefined : typical;
}

async function listening(server: ChildProcess): Promise<void> {
  const end = Date.now() + LISTEN_MS;
  while (!isListening()) {
    if (server.exitCode !== null) throw new Error(`perftest's server ended: ${server.exitCode}`);
    if (Date.now() > end) throw new Error("perftest's server does not listen");
    await sleep(STEP_MS);
  }
}

/** Source: net/ipv4/tcp_ipv4.c, get_tcp4_sock(): addresses in hex; state 0A is TCP_LISTEN */
function isListening(): boolean {
  const port = PORT.toString(16).toUpperCase().padStart(4, '0');
  const row = new RegExp(`:${port} [0-9A-F]+:0000 0A `);
  return ['tcp', 'tcp6'].some((name) => row.test(readFileSync(`/proc/net/${name}`, 'latin1')));
}
