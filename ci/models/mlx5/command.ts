import { query_hca_cap_in as header } from './headers/ifc.ts';

/** Where every command and every answer has these. */
export const NUMBER = 8;
const HEAD_BYTES = 8;

/** A command that is carried out. */
export interface Call {
  readonly input: Buffer;
  readonly opcode: number;
  readonly opMod: number;
  /** What the driver has room for. */
  readonly outputBytes: number;
}

export function callOf(input: Buffer, outputBytes: number): Call {
  return {
    input,
    opcode: header.get(input, 'opcode'),
    opMod: header.get(input, 'op_mod'),
    outputBytes,
  };
}

/** The object that most commands are about: 24 bits of the third word. */
export function numberIn({ input }: Pick<Call, 'input'>): number {
  return input.readUInt32BE(NUMBER) & 0xff_ffff;
}

/** An answer with the number of what was made, or with nothing. */
export function answer(number = 0): Buffer {
  const output = Buffer.alloc(2 * HEAD_BYTES);
  output.writeUInt32BE(number, NUMBER);
  return output;
}

/** An answer that carries what a command had at the same place. */
export function answerWith(context: Buffer, at: number): Buffer {
  return Buffer.concat([Buffer.alloc(at), context]);
}

/** Does a command; undefined stands for an answer that says nothing but that it was done. */
export type Handler = (call: Call) => Buffer | undefined;
/** Handlers by their opcodes. */
export type Entries = readonly (readonly [number, Handler])[];
