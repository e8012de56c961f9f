/**
 * The registers of the RDMA engine and where fields of its structures lie: both are told by a message, so
 * these places are the model's choice. Fields lie as in the generation before (icrdma_hw.c,
 * icrdma_masks[]), which the driver's fixed fields leave room for.
 */

/** Where the driver maps them: ig3rdma_hw.h, IG3_PF_RDMA_REGION_OFFSET and _LEN. */
export const REGION = { start: 0xbc0_0000, bytes: 0x40_1000 } as const;

/** What programs may write, in a page of its own; they know both places (rdma-core, providers/irdma/umain.h). */
export const DOORBELL_PAGE = REGION.start;
export const DOORBELL_WORK = DOORBELL_PAGE;
export const DOORBELL_ARM = DOORBELL_PAGE + 0x40;

const PRIVILEGED = REGION.start + 0x1000;
export const COMMAND_DOORBELL = PRIVILEGED;
export const COMMAND_TAIL = PRIVILEGED + 0x04;
export const COMMAND_STATUS = PRIVILEGED + 0x08;
export const COMMAND_CONTEXT_HIGH = PRIVILEGED + 0x0c;
export const COMMAND_CONTEXT_LOW = PRIVILEGED + 0x10;
export const COMMAND_ERROR = PRIVILEGED + 0x14;
export const COMPLETIONS_ACK = PRIVILEGED + 0x18;
export const EVENTS_ALLOCATE = PRIVILEGED + 0x1c;

export interface BitField {
  readonly shift: number;
  readonly bits: number;
}

const maskOf = ({ shift, bits }: BitField): bigint => ((1n << BigInt(bits)) - 1n) << BigInt(shift);

export const FIELDS = {
  statusError: { shift: 31, bits: 1 },
  statusDone: { shift: 0, bits: 1 },
  keyPd: { shift: 46, bits: 18 },
  cqEventQueue: { shift: 22, bits: 10 },
  cqNumber: { shift: 0, bits: 22 },
  committedCqs: { shift: 0, bits: 20 },
  segmentFunction: { shift: 0, bits: 6 },
} as const satisfies Readonly<Record<string, BitField>>;

export const STATUS_DONE = Number(maskOf(FIELDS.statusDone));
export const STATUS_ERROR = 0x8000_0000;
export const CQ_EVENT_QUEUE = maskOf(FIELDS.cqEventQueue);
export const CQ_NUMBER = maskOf(FIELDS.cqNumber);

/** Of COMMAND_TAIL: irdma.h, IRDMA_CQPTAIL_*. */
export const TAIL_ERROR = 0x8000_0000;
