import koffi from 'koffi';
import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { tryWrite } from '../../uapi/sys.ts';
import type { VerbsAbi } from '../contract-verbs.ts';
import type { Context } from './context.ts';
import { type DriverData, NO_DRIVER_DATA } from './driver.ts';

/** What a command answered: the core's struct, and the driver's bytes behind it. */
export interface Answer {
  readonly response: Buffer;
  readonly driver: Buffer;
}

export interface CommandCall {
  readonly name: string;
  readonly id: number;
  readonly extended?: boolean;
  /** The struct, with `response` still unset. */
  readonly request: Buffer;
  readonly responseSize?: number;
  readonly driver?: DriverData;
  readonly abi?: VerbsAbi | undefined;
}

const EXTENDED = 0x80000000;

export function command(context: Context, call: CommandCall): CallOutcome<Answer> {
  const { responseSize = 0, driver = NO_DRIVER_DATA } = call;
  const answer = Buffer.alloc(Math.max(8, responseSize + driver.outputSize));
  const bytes = call.extended === true ? extendedBytes(call, answer) : plainBytes(call, answer);
  const { errno } = tryWrite(context.fd, bytes);
  if (errno !== 0) return { ok: false, errno, call: `IB_USER_VERBS_CMD_${call.name}` };
  const response = answer.subarray(0, responseSize);
  const said = driver.memory ?? answer.subarray(responseSize, responseSize + driver.outputSize);
  return { ok: true, value: { response, driver: said } };
}

function plainBytes(call: CommandCall, answer: Buffer): Buffer {
  const { responseSize = 0, driver = NO_DRIVER_DATA } = call;
  const bytes = Buffer.concat([Buffer.alloc(8), call.request, driver.input]);
  bytes.writeUInt32LE(call.id, 0);
  bytes.writeUInt16LE(bytes.length / 4, 4);
  bytes.writeUInt16LE((responseSize + driver.outputSize) / 4, 6);
  if (responseSize > 0) bytes.writeBigUInt64LE(koffi.address(answer), 8);
  return bytes;
}

function extendedBytes(call: CommandCall, answer: Buffer): Buffer {
  const { responseSize = 0, driver = NO_DRIVER_DATA } = call;
  const bytes = Buffer.concat([Buffer.alloc(24), call.request, driver.input]);
  bytes.writeUInt32LE((EXTENDED | call.id) >>> 0, 0);
  bytes.writeUInt16LE(call.request.length / 8, 4);
  bytes.writeUInt16LE(responseSize / 8, 6);
  if (responseSize + driver.outputSize > 0) bytes.writeBigUInt64LE(koffi.address(answer), 8);
  bytes.writeUInt16LE(driver.input.length / 8, 16);
  bytes.writeUInt16LE(driver.outputSize / 8, 18);
  return bytes;
}
