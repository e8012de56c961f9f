import { PF_GLINT_BASE } from '../idpf/headers/idpf-lan-pf-regs.ts';
import { must, Refusal } from '../refusal.ts';
import { COMMAND_TIMEOUT_S, HARDWARE_GENERATION, HMC_FUNCTION, QUEUE_SET } from './limits.ts';
import {
  type BitField,
  COMMAND_CONTEXT_HIGH,
  COMMAND_CONTEXT_LOW,
  COMMAND_DOORBELL,
  COMMAND_ERROR,
  COMMAND_STATUS,
  COMMAND_TAIL,
  COMPLETIONS_ACK,
  DOORBELL_ARM,
  DOORBELL_PAGE,
  DOORBELL_WORK,
  EVENTS_ALLOCATE,
  FIELDS,
} from './registers.ts';

/** Messages of the driver: virtchnl.h, enum irdma_vchnl_ops. */
const GET_VERSION = 0;
const GET_FUNCTION = 1;
const PUT_FUNCTION = 2;
const GET_REGISTERS = 11;
const GET_CAPABILITIES = 13;
const MAP_VECTORS = 14;
const UNMAP_VECTORS = 15;
const ADD_PORT = 16;
const DELETE_PORT = 17;

const VERSION = 2;
/** struct irdma_vchnl_op_buf and struct irdma_vchnl_resp_buf are as long. */
const HEAD_BYTES = 16;
const NO_QUEUE = 0xffff;
const END_OF_LIST = 0xffff;
const PRIORITIES = 8;
const EINVAL = 22;

/** Registers by the number that messages give them: virtchnl.h, IRDMA_VCHNL_REG_ID_*. */
const REGISTERS: readonly (readonly [number, number])[] = [
  [0, COMMAND_TAIL],
  [1, COMMAND_DOORBELL],
  [2, COMMAND_STATUS],
  [3, COMMAND_CONTEXT_HIGH],
  [4, COMMAND_CONTEXT_LOW],
  [5, DOORBELL_ARM],
  [6, COMPLETIONS_ACK],
  [7, EVENTS_ALLOCATE],
  [8, COMMAND_ERROR],
  [9, DOORBELL_WORK],
  [11, DOORBELL_PAGE],
  [12, PF_GLINT_BASE],
];

/** Fields likewise: IRDMA_VCHNL_REGFLD_ID_*. */
const FIELD_NUMBERS: readonly (readonly [number, BitField])[] = [
  [2, FIELDS.statusError],
  [5, FIELDS.statusDone],
  [6, FIELDS.keyPd],
  [7, FIELDS.cqEventQueue],
  [8, FIELDS.cqNumber],
  [9, FIELDS.committedCqs],
  [10, FIELDS.segmentFunction],
];

/** What messages change. */
export interface ChannelActions {
  /** Which vector an event queue raises; undefined for the queue of asynchronous events. */
  mapVector(eventQueue: number | undefined, vector: number): void;
  /** The function begins anew, or ends. */
  reset(): void;
}

/** Messages of irdma, which idpf hands on without looking into them. Source: virtchnl.c */
export class RdmaChannel {
  readonly #actions: ChannelActions;

  constructor(actions: ChannelActions) {
    this.#actions = actions;
  }

  /** @throws Refusal where it is no message at all */
  answer(message: Buffer): Buffer {
    must(message.length >= HEAD_BYTES, `a message of ${message.length} bytes`);
    const body = message.subarray(HEAD_BYTES);
    const head = Buffer.alloc(HEAD_BYTES);
    message.copy(head, 0, 8, 16);
    try {
      const answer = this.#answer(message.readUInt16LE(0), body);
      head.writeUInt16LE(HEAD_BYTES + answer.length, 8);
      return Buffer.concat([head, answer]);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      head.writeUInt16LE(HEAD_BYTES, 8);
      head.writeInt16LE(-EINVAL, 10);
      return head;
    }
  }

  #answer(opcode: number, body: Buffer): Buffer {
    switch (opcode) {
      case GET_VERSION:
        return uint32(VERSION);
      case GET_CAPABILITIES:
        return describeCapabilities();
      case GET_FUNCTION:
        this.#actions.reset();
        return Buffer.concat([uint16(HMC_FUNCTION), queueSets()]);
      case PUT_FUNCTION:
        this.#actions.reset();
        return Buffer.alloc(0);
      case GET_REGISTERS:
        return describeRegisters();
      case MAP_VECTORS:
        return this.#mapVectors(body);
      case ADD_PORT:
        return queueSets();
      case UNMAP_VECTORS:
      case DELETE_PORT:
        return Buffer.alloc(0);
      default:
        throw new Refusal('opcode', `there is no message ${opcode}`);
    }
  }

  /** struct irdma_vchnl_qvlist_info: a count, and entries of 12 bytes. */
  #mapVectors(body: Buffer): Buffer {
    must(body.length >= 4, 'no list of vectors');
    const count = body.readUInt32LE(0);
    must(body.length >= 4 + 12 * count, `${count} vectors`);
    for (let at = 4; at < 4 + 12 * count; at += 12) {
      const vector = body.readUInt32LE(at);
      const completions = body.readUInt16LE(at + 4);
      const events = body.readUInt16LE(at + 6);
      if (completions !== NO_QUEUE) this.#actions.mapVector(completions, vector);
      if (events !== NO_QUEUE) this.#actions.mapVector(undefined, vector);
    }
    return Buffer.alloc(0);
  }
}

/** struct irdma_vchnl_rdma_caps, packed; no requests in the doorbell's page (push). */
function describeCapabilities(): Buffer {
  const caps = Buffer.alloc(7);
  caps.writeUInt8(HARDWARE_GENERATION, 0);
  caps.writeUInt16LE(COMMAND_TIMEOUT_S, 1);
  caps.writeUInt16LE(COMMAND_TIMEOUT_S, 3);
  return caps;
}

/** Two lists, each with an end: struct irdma_vchnl_reg_info and irdma_vchnl_reg_field_info. */
function describeRegisters(): Buffer {
  const registers = [...REGISTERS, [END_OF_LIST, 0] as const].map(([number, offset]) =>
    Buffer.concat([uint32(offset), uint16(0), uint16(number)]),
  );
  const end = [END_OF_LIST, { shift: 0, bits: 0 }] as const;
  const fields = [...FIELD_NUMBERS, end].map(([number, { shift, bits }]) =>
    Buffer.concat([Buffer.from([shift, bits]), uint16(number)]),
  );
  return Buffer.concat([...registers, ...fields]);
}

/** One for all priorities. */
function queueSets(): Buffer {
  return Buffer.concat(Array.from({ length: PRIORITIES }, () => uint16(QUEUE_SET)));
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
