import type { Host } from '../vfio-user/device.ts';
import { LIMITS } from './limits.ts';

/**
 * Commands and their answers: the first 16 bytes stand in the entry of the queue, the rest in a chain of
 * mailboxes. Source: include/linux/mlx5/device.h, struct mlx5_cmd_layout, struct mlx5_cmd_prot_block
 */
const INPUT_LENGTH = 4;
const INPUT_MAILBOX = 8;
const INPUT = 16;
const OUTPUT = 32;
const OUTPUT_MAILBOX = 48;
const OUTPUT_LENGTH = 56;
const STATUS_AND_OWNER = 60;
const INLINE_BYTES = 16;
const ENTRY_BYTES = 64;

const BLOCK_DATA_BYTES = 512;
const BLOCK_NEXT = BLOCK_DATA_BYTES + 48;
const BLOCK_BYTES = 576;

const OWNED_BY_DEVICE = 1;
/** Delivery statuses: core/cmd.c, MLX5_CMD_DELIVERY_STAT_… */
const DELIVERED = 0;
const INPUT_LENGTH_ERROR = 7;
const OUTPUT_LENGTH_ERROR = 8;

/** @param outputBytes what the driver has room for */
export type Execute = (input: Buffer, outputBytes: number) => Buffer;

/** Carries out the commands whose bits are set; gives the bits of those that are done. */
export function serveCommands(host: Host, queue: number, bits: number, execute: Execute): number {
  let done = 0;
  for (let index = 0; index < 2 ** LIMITS.logCommands; index++) {
    if ((bits & (1 << index)) === 0) continue;
    const at = queue + index * 2 ** LIMITS.logCommandStride;
    if (serveCommand(host, at, execute)) done |= 1 << index;
  }
  return done >>> 0;
}

function serveCommand(host: Host, at: number, execute: Execute): boolean {
  const entry = host.memory.read(at, ENTRY_BYTES);
  if (entry === undefined) {
    host.say(`there is no command at 0x${at.toString(16)}`);
    return false;
  }
  if ((entry.readUInt8(STATUS_AND_OWNER + 3) & OWNED_BY_DEVICE) === 0) return false;
  const outputBytes = entry.readUInt32BE(OUTPUT_LENGTH);
  const input = readInput(host, entry);
  if (input === undefined) return finish(host, at, entry, INPUT_LENGTH_ERROR);
  const output = execute(input, outputBytes).subarray(0, outputBytes);
  output.copy(entry, OUTPUT, 0, INLINE_BYTES);
  const isWritten = writeOutput(host, entry, output);
  return finish(host, at, entry, isWritten ? DELIVERED : OUTPUT_LENGTH_ERROR);
}

function readInput(host: Host, entry: Buffer): Buffer | undefined {
  const length = entry.readUInt32BE(INPUT_LENGTH);
  const pieces = [entry.subarray(INPUT, INPUT + INLINE_BYTES)];
  let next = Number(entry.readBigUInt64BE(INPUT_MAILBOX));
  for (let got = INLINE_BYTES; got < length; got += BLOCK_DATA_BYTES) {
    const block = host.memory.read(next, BLOCK_BYTES);
    if (block === undefined) return undefined;
    pieces.push(block.subarray(0, BLOCK_DATA_BYTES));
    next = Number(block.readBigUInt64BE(BLOCK_NEXT));
  }
  return Buffer.concat(pieces).subarray(0, length);
}

function writeOutput(host: Host, entry: Buffer, output: Buffer): boolean {
  let block = Number(entry.readBigUInt64BE(OUTPUT_MAILBOX));
  for (let at = INLINE_BYTES; at < output.length; at += BLOCK_DATA_BYTES) {
    const next = host.memory.read(block + BLOCK_NEXT, 8);
    if (next === undefined) return false;
    if (!host.memory.write(block, output.subarray(at, at + BLOCK_DATA_BYTES))) return false;
    block = Number(next.readBigUInt64BE(0));
  }
  return true;
}

/** The owner's bit goes last: the driver polls it. */
function finish(host: Host, at: number, entry: Buffer, status: number): boolean {
  entry.writeUInt8(status << 1, STATUS_AND_OWNER + 3);
  const answer = entry.subarray(OUTPUT);
  return host.memory.publish(at + OUTPUT, answer, STATUS_AND_OWNER - OUTPUT);
}
