/**
 * Command streams of virgl, the public protocol between a guest's GL driver and the host's renderer:
 * words of 32 bits, each command a header and its payload.
 * Source: virglrenderer 0.10, src/virgl_protocol.h (the same file is in Mesa), src/vrend_decode.c
 */
const COMMAND = {
  resourceInlineWrite: 9,
  resourceCopyRegion: 17,
  pipeResourceCreate: 48,
} as const;
export type CommandName = keyof typeof COMMAND;

/** The header has 16 bits for the length of the payload in words. */
const MAX_PAYLOAD_WORDS = 0xffff;
/** Words of an inline write before its data. */
const INLINE_WRITE_WORDS = 11;
const WORD_BYTES = 4;

/** `command | object << 8 | length << 16`, then the payload; the object is that of CREATE_OBJECT. */
export function command(name: CommandName, payload: readonly number[]): Buffer {
  return Buffer.concat([header(name, payload.length), words(payload)]);
}

function header(name: CommandName, lengthWords: number): Buffer {
  return words([(COMMAND[name] | (lengthWords << 16)) >>> 0]);
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * WORD_BYTES);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * WORD_BYTES);
  return bytes;
}

/** A range of a resource that is a plain buffer, whose only dimension is in bytes. */
export interface Range {
  /** The host's number of the resource. */
  readonly resource: number;
  readonly offset: number;
  readonly size: number;
}

/**
 * Writes data that travels in the stream itself, in as many commands as it takes. Fields: resource,
 * level, usage, stride, layer stride, then the box x, y, z, w, h, d.
 * Source: vrend_decode.c, vrend_decode_resource_inline_write()
 */
export function inlineWrite(target: Range, data: Buffer): Buffer {
  const step = (MAX_PAYLOAD_WORDS - INLINE_WRITE_WORDS) * WORD_BYTES;
  const parts: Buffer[] = [];
  for (let at = 0; at < target.size; at += step) {
    const part = padded(data.subarray(at, Math.min(at + step, target.size)));
    const box = [target.offset + at, 0, 0, Math.min(step, target.size - at), 1, 1];
    const fields = words([target.resource, 0, 0, 0, 0, ...box]);
    parts.push(header('resourceInlineWrite', (fields.length + part.length) / WORD_BYTES));
    parts.push(fields, part);
  }
  return Buffer.concat(parts);
}

function padded(data: Buffer): Buffer {
  const rest = data.length % WORD_BYTES;
  return rest === 0 ? data : Buffer.concat([data, Buffer.alloc(WORD_BYTES - rest)]);
}

/**
 * Copies inside the host. Fields: target, its level, x, y, z; source, its level, box x, y, z, w, h, d.
 * Source: vrend_decode.c, vrend_decode_resource_copy_region()
 */
export function copyRegion(target: Omit<Range, 'size'>, source: Range): Buffer {
  const to = [target.resource, 0, target.offset, 0, 0];
  const from = [source.resource, 0, source.offset, 0, 0, source.size, 1, 1];
  return command('resourceCopyRegion', [...to, ...from]);
}

/**
 * Makes what a blob of the host is: a buffer of R8 whose memory stays mapped and is coherent, under an id
 * that is free again once the blob is made. Fields: target, format, bind, width, height, depth, layers, last
 * level, samples, flags, id.
 * Source: vrend_decode.c, vrend_decode_pipe_resource_create()
 */
export function createPipeBuffer(size: number, id: number): Buffer {
  const [target, format, bind, flags] = [0, 64, 16, 6];
  return command('pipeResourceCreate', [target, format, bind, size, 1, 1, 1, 0, 0, flags, id]);
}
