import type { CommandLike, Transcript } from '../call-record.ts';
import {
  UVERBS_ATTR_CORE_IN,
  UVERBS_ATTR_CORE_OUT,
  UVERBS_ATTR_UHW_IN,
  UVERBS_ATTR_UHW_OUT,
  UVERBS_ATTR_WRITE_CMD,
  UVERBS_METHOD_INVOKE_WRITE,
  UVERBS_OBJECT_DEVICE,
} from '../headers/rdma/ib-user-ioctl-cmds.ts';
import { RDMA_VERBS_IOCTL } from '../headers/rdma/rdma-user-ioctl-cmds.ts';
import { tryIoctl } from '../ioctl.ts';
import type { SysResult } from '../sys-call.ts';
import { encodeArgument, type RawAttribute } from './verbs-argument.ts';

/** A write command as INVOKE_WRITE takes it; empty memory is left out. */
export interface Invocation {
  readonly command: number;
  readonly request: Buffer;
  readonly udataIn: Buffer | undefined;
  readonly response: Buffer;
  readonly udata: Buffer;
  readonly logCommand: CommandLike;
  readonly transcript: Transcript;
}

/** Bytes of the command's number. Source: include/rdma/uverbs_ioctl.h, UVERBS_ATTR_CONST_IN */
const CONST_BYTES = 8;
const INLINE_BYTES = 8;

/**
 * Gives a write command through the ioctl, logged under the command's own name. The `response`
 * pointer within the request says nothing here.
 * Source: uverbs_std_types_device.c, UVERBS_METHOD_INVOKE_WRITE
 */
export function tryInvoke(fd: number, driverId: number, call: Invocation): SysResult {
  const header = { object: UVERBS_OBJECT_DEVICE, method: UVERBS_METHOD_INVOKE_WRITE, driverId };
  const attributes = [
    { id: UVERBS_ATTR_WRITE_CMD, length: CONST_BYTES, data: call.command },
    ...input(UVERBS_ATTR_CORE_IN, call.request),
    ...output(UVERBS_ATTR_CORE_OUT, call.response),
    ...input(UVERBS_ATTR_UHW_IN, call.udataIn),
    ...output(UVERBS_ATTR_UHW_OUT, call.udata),
  ];
  const argument = encodeArgument(header, attributes);
  const command = { ...call.logCommand, request: RDMA_VERBS_IOCTL.request };
  const { transcript } = call;
  return tryIoctl(fd, command, argument, { restart: false, transcript });
}

function input(id: number, bytes: Buffer | undefined): RawAttribute[] {
  if (bytes === undefined || bytes.length === 0) return [];
  if (bytes.length > INLINE_BYTES) return [{ id, data: bytes }];
  const field = Buffer.alloc(INLINE_BYTES);
  bytes.copy(field);
  return [{ id, length: bytes.length, data: field.readBigUInt64LE() }];
}

function output(id: number, room: Buffer): RawAttribute[] {
  return room.length === 0 ? [] : [{ id, data: room }];
}
