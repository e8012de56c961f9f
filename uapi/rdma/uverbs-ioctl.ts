import { type CallOutcome, outcomeOf } from '../call-outcome.ts';
import type { CommandLike } from '../call-record.ts';
import type { Errno } from '../errno.ts';
import { RDMA_VERBS_IOCTL } from '../headers/rdma/rdma-user-ioctl-cmds.ts';
import { tryIoctl } from '../ioctl.ts';
import type { SysResult } from '../sys-call.ts';
import type { UverbsMethod } from './description.ts';
import {
  AttributeError,
  type AttributeValues,
  attributesOf,
  describeValue,
  methodName,
  type NamedAttribute,
  nameAttributes,
} from './named-attributes.ts';
import { type Chunk, encodeTranscript, TranscriptDecoder } from './transcript.ts';
import {
  attributeAfter,
  encodeArgument,
  isFilled,
  type RawAttribute,
  type RawAttributeAfter,
  type RawHeader,
} from './verbs-argument.ts';
import { tryVerbsCall } from './verbs-call.ts';

/** Calls of RDMA_VERBS_IOCTL, by description and raw. */

export interface MethodOptions {
  /** Attributes that a kernel which does not know them may pass over. */
  readonly optional?: readonly string[];
  /** As a 32-bit program, see compat.ts. */
  readonly entry?: 'compat' | undefined;
}

/** What a method gave, by attribute name; names that were not in the call throw AttributeError. */
export class MethodResult {
  readonly #method: UverbsMethod;
  readonly #argument: Buffer;
  readonly #sent: readonly NamedAttribute[];

  constructor(method: UverbsMethod, argument: Buffer, sent: readonly NamedAttribute[]) {
    this.#method = method;
    this.#argument = argument;
    this.#sent = sent;
  }

  /** The handle of a new object. */
  handle(name: string): number {
    return this.#created(name, 'idr');
  }

  /** The descriptor of a new object; it is close-on-exec and the caller's to close. */
  fd(name: string): number {
    return this.#created(name, 'fd');
  }

  /** The buffer of an output: the caller's own. */
  bytes(name: string): Buffer {
    const { out } = this.#sentAs(name);
    if (out === undefined) throw this.#noOutput(name, 'bytes');
    return out;
  }

  /** An output of four or eight bytes. */
  number(name: string): bigint {
    const bytes = this.bytes(name);
    return bytes.length >= 8 ? bytes.readBigUInt64LE() : BigInt(bytes.readUIntLE(0, bytes.length));
  }

  /** Has the kernel marked the output as filled in (UVERBS_ATTR_F_VALID_OUTPUT)? */
  isValid(name: string): boolean {
    return isFilled(this.#argument, this.#sent.indexOf(this.#sentAs(name)));
  }

  #created(name: string, kind: 'idr' | 'fd'): number {
    const sent = this.#sentAs(name);
    const { spec } = sent;
    if (spec.kind !== kind || spec.access !== 'new') {
      throw this.#noOutput(name, kind === 'fd' ? 'descriptor' : 'handle');
    }
    return Number(BigInt.asIntN(64, attributeAfter(this.#argument, this.#sent.indexOf(sent)).data));
  }

  #sentAs(name: string): NamedAttribute {
    const sent = this.#sent.find(({ spec }) => spec.name === name);
    if (sent !== undefined) return sent;
    throw new AttributeError(`${methodName(this.#method)}: the call had no attribute '${name}'`);
  }

  #noOutput(name: string, what: string): AttributeError {
    return new AttributeError(`${methodName(this.#method)}: ${name} gives no ${what}`);
  }
}

/**
 * Calls a method. Nothing is restarted: EAGAIN and EINTR are answers.
 *
 * EPROTONOSUPPORT: no such method or attribute; EINVAL: also a wrong driver id, a missing mandatory
 * attribute, a wrong length. Source: drivers/infiniband/core/uverbs_ioctl.c
 *
 * @param driverId enum rdma_driver_id; the device refuses any other with EINVAL
 */
export function tryMethod(
  fd: number,
  driverId: number,
  method: UverbsMethod,
  values: AttributeValues = {},
  options: MethodOptions = {},
): CallOutcome<MethodResult> {
  const sent = nameAttributes(method, values, options.optional);
  const header = { object: method.object.id, method: method.id, driverId };
  const argument = encodeArgument(
    header,
    sent.map(({ raw }) => raw),
  );
  const transcript = {
    input: () => encodeTranscript(sent.map(({ chunk }) => chunk)),
    output: (errno: Errno) => encodeTranscript(outputChunks(errno, argument, sent)),
  };
  const command = logCommandOf(method);
  const result = tryVerbsCall(fd, { command, argument, transcript, entry: options.entry });
  // The argument holds addresses only: `sent` keeps what they lead to until here.
  if (result.errno !== 0) return { ok: false, errno: result.errno, call: callText(method, values) };
  return { ok: true, value: new MethodResult(method, argument, sent) };
}

/** New objects and filled outputs; of a call that failed only what the kernel marked as filled. */
function outputChunks(errno: Errno, argument: Buffer, sent: readonly NamedAttribute[]): Chunk[] {
  const chunks: Chunk[] = [];
  for (const [index, { spec, out, chunk }] of sent.entries()) {
    if (out === undefined && spec.access !== 'new') continue;
    const written = isFilled(argument, index);
    if (errno !== 0 && !written) continue;
    if (out !== undefined) chunks.push({ ...chunk, bytes: out, written });
    else chunks.push({ id: spec.id, scalar: attributeAfter(argument, index).data });
  }
  return chunks;
}

/** `PD.PD_DESTROY(DESTROY_PD_HANDLE=7)` */
function callText(method: UverbsMethod, values: AttributeValues): string {
  const given = Object.entries(values).map(([name, value]) => `${name}=${describeValue(value)}`);
  return `${methodName(method)}(${given.join(', ')})`;
}

const logCommands = new WeakMap<UverbsMethod, CommandLike>();

/** How a method stands in the call log: by object and method, attributes by name. */
export function logCommandOf(method: UverbsMethod): CommandLike {
  let known = logCommands.get(method);
  if (known === undefined) {
    const parts = [...attributesOf(method).values()].map(
      ({ id, name, struct, enumElements }) =>
        [
          id,
          { name, ...(struct && { struct }), ...(enumElements && { elements: enumElements }) },
        ] as const,
    );
    const name = `uverbs ${methodName(method)}`;
    const struct = new TranscriptDecoder(name, new Map(parts));
    known = { name, request: RDMA_VERBS_IOCTL.request, struct };
    logCommands.set(method, known);
  }
  return known;
}

export interface RawMethodOptions {
  /** Passed in place of the argument: NULL or any address (see argument-memory.ts). */
  readonly argument?: bigint | null;
  /** Builds the argument's place from its bytes: half-mapped, read-only. */
  readonly place?: (bytes: Buffer) => bigint;
  /** Default: RDMA_VERBS_IOCTL. */
  readonly request?: number;
  /** As a 32-bit program; an argument that is placed elsewhere must then lie below 4 GiB. */
  readonly entry?: 'compat' | undefined;
}

export interface RawMethodResult {
  /** As the kernel left them; unchanged where the argument was placed elsewhere. */
  readonly attributes: readonly RawAttributeAfter[];
}

/** Makes the call with header and attributes as they are given: for what the kernel must refuse. */
export function tryRawMethod(
  fd: number,
  header: RawHeader,
  attributes: readonly RawAttribute[],
  options: RawMethodOptions = {},
): CallOutcome<RawMethodResult> {
  const bytes = encodeArgument(header, attributes);
  const result = ioctlAt(fd, bytes, options);
  const call = rawText(header, attributes);
  // `attributes` keeps the memory that the argument points at until here.
  const outcome = outcomeOf(result, call);
  if (!outcome.ok) return outcome;
  return { ok: true, value: { attributes: attributes.map((_, i) => attributeAfter(bytes, i)) } };
}

function ioctlAt(fd: number, bytes: Buffer, options: RawMethodOptions): SysResult {
  const { argument, place, request, entry } = options;
  const command = { ...rawCommand, request: request ?? rawCommand.request };
  if (argument !== undefined) return tryIoctl(fd, command, argument, { restart: false, entry });
  // A place is an address only; the log shall have the bytes that stand there.
  const transcript = { input: () => bytes, output: () => bytes };
  if (place === undefined) return tryVerbsCall(fd, { command, argument: bytes, transcript, entry });
  return tryIoctl(fd, command, place(bytes), { restart: false, transcript, entry });
}

/** The header is decoded with its attributes, a flexible array of the generated struct. */
const rawCommand: CommandLike = RDMA_VERBS_IOCTL;

function rawText(header: RawHeader, attributes: readonly RawAttribute[]): string {
  const ids = attributes.map(({ id }) => `0x${id.toString(16)}`).join(', ');
  return `RDMA_VERBS_IOCTL object ${header.object} method ${header.method} attributes [${ids}]`;
}
