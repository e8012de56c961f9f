import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** ib_write_lat, ib_read_lat and ib_write_bw, both ends on one device. */

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
  return must(program, await outputOf(program, ['-F', '-d', device], address), parsePerftest);
}

/**
 * From the post of a write to its completion: ib_write_bw with 2 bytes that posts the next when the
 * one before has completed.
 *
 * @returns the mean in microseconds
 */
export async function completedWriteUs(device: string, address: string): Promise<number> {
  const args = ['-F', '-d', device, '-s', '2', '-n', '1000', '-t', '1', '-Q', '1'];
  return must('ib_write_bw', await outputOf('ib_write_bw', args, address), parseMessageRate);
}

function must(
  program: string,
  output: string,
  parse: (output: string) => number | undefined,
): number {
  const value = parse(output);
  if (value === undefined) throw new Error(`${program} gave no result: ${output}`);
  return value;
}

/** What the client prints. */
async function outputOf(
  program: string,
  args: readonly string[],
  address: string,
): Promise<string> {
  const words = [...args, '-p', String(PORT)];
  const server = spawn(program, words, { stdio: 'ignore' });
  try {
    await listening(server);
    const client = spawnSync(program, [...words, address], {
      encoding: 'utf8',
      timeout: LIMIT_MS,
    });
    if (client.status === 0) await once(server, 'exit');
    return `${client.stdout}${client.stderr}`;
  } finally {
    server.kill();
  }
}

/** The row below `#bytes #iterations t_min t_max t_typical …`. */
export function parsePerftest(output: string): number | undefined {
  const [names, values] = resultOf(output);
  return numberOf(values[names.findIndex((name) => name.startsWith('t_typical'))]);
}

/** Of `… MsgRate[Mpps]`, the last column, the time of one. */
export function parseMessageRate(output: string): number | undefined {
  const rate = numberOf(resultOf(output)[1].at(-1));
  return rate === undefined ? undefined : 1 / rate;
}

/** Words of the head and of the row below it. */
function resultOf(output: string): [names: readonly string[], values: readonly string[]] {
  const lines = output.split('\n').map((line) => line.trim());
  const head = lines.findIndex((line) => line.startsWith('#bytes'));
  const words = (line: string | undefined) => line?.split(/\s+/) ?? [];
  return [words(lines[head]), head < 0 ? [] : words(lines[head + 1])];
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text);
  return value > 0 ? value : undefined;
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
