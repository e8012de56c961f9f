import type { CallOutcome } from '../../uapi/call-outcome.ts';
import type { Mapping } from '../../uapi/mapping.ts';
import type { UverbsMethod, WriteCommand } from '../../uapi/rdma/description.ts';
import type { AttributeValue, AttributeValues } from '../../uapi/rdma/named-attributes.ts';
import { type MethodResult, tryMethod } from '../../uapi/rdma/uverbs-ioctl.ts';
import { tryWriteCommand } from '../../uapi/rdma/uverbs-write.ts';
import type { How, VerbsAbi } from '../contract-verbs.ts';
import type { Context } from './context.ts';
import { type DriverCall, type DriverData, NO_DRIVER_DATA } from './driver.ts';

/** What a command answered: the core's struct, and the driver's bytes behind it. */
export interface Answer {
  readonly response: Buffer;
  readonly driver: Buffer;
}

export interface CommandCall {
  readonly command: WriteCommand;
  /** The struct, with `response` still unset. */
  readonly request: Buffer;
  /** Default: the command's response struct. */
  readonly responseSize?: number;
  readonly driver?: DriverData;
  readonly abi?: VerbsAbi | undefined;
}

/** A command by write(2), or wrapped in the ioctl; by default as the context has it. */
export function command(context: Context, call: CommandCall): CallOutcome<Answer> {
  const { driver = NO_DRIVER_DATA, responseSize, abi } = call;
  if (abi === 'ioctl') throw new TypeError(`${call.command.name} has no ioctl of its own`);
  const answer = tryWriteCommand(context.fd, call.command, {
    request: call.request,
    udataOutSize: driver.outputSize,
    via: abi ?? context.commandForm,
    driverId: context.part.driverId,
    ...(driver.input.length > 0 && { udataIn: driver.input }),
    ...(responseSize !== undefined && { responseSize }),
  });
  if (!answer.ok) return answer;
  const { response, udata } = answer.value;
  return { ok: true, value: { response, driver: driver.memory ?? udata } };
}

/** What a method answered, and the driver's bytes. */
export interface MethodAnswer {
  readonly result: MethodResult;
  readonly driver: Buffer;
}

/** A method of RDMA_VERBS_IOCTL. Absent attributes are left out. */
export function method(
  context: Context,
  called: UverbsMethod,
  values: Readonly<Record<string, AttributeValue | undefined>>,
  data: DriverData = NO_DRIVER_DATA,
): CallOutcome<MethodAnswer> {
  const driver = Buffer.alloc(data.outputSize);
  const given: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries(values)) if (value !== undefined) given[name] = value;
  if (data.input.length > 0) given['UHW_IN'] = data.input;
  if (driver.length > 0) given['UHW_OUT'] = { out: driver };
  const all: AttributeValues = { ...given, ...data.attributes };
  const answer = tryMethod(context.fd, context.part.driverId, called, all);
  if (!answer.ok) return answer;
  return { ok: true, value: { result: answer.value, driver: data.memory ?? driver } };
}

/** Does a verb that has a method take it? */
export function byMethod({ abi }: How): boolean {
  return abi === undefined || abi === 'ioctl';
}

/** Room for an output of a method. */
export function room(sizeBytes: number): { readonly out: Buffer } {
  return { out: Buffer.alloc(sizeBytes) };
}

/** What the driver wants to hear with a call, and how much it answers. */
export function driverData(
  context: Context,
  call: DriverCall,
  want: unknown,
  memory?: Mapping,
): DriverData {
  return context.part.driverData?.(call, want, context.driverAnswer, memory) ?? NO_DRIVER_DATA;
}
