/** What events say. Source: include/linux/mlx5/device.h */
export const EVENT_BYTES = 28;

/** struct mlx5_eqe_comp, struct mlx5_eqe_qp_srq: the number is the last word of both. */
const NUMBER = 24;
/** struct mlx5_eqe_cq_err */
const SYNDROME = 11;
/** The driver prints it, and knows no other. Source: core/eq.c, cq_err_event_notifier() */
const OVERRUN = 1;

/** struct mlx5_eqe_qp_srq: of which kind the queue is, whose number follows. */
const TYPE = 20;

/** Of a queue that is no QP. @param type MLX5_EVENT_QUEUE_TYPE_… */
export function queueEvent(number: number, type: number): Buffer {
  const data = numberEvent(number);
  data.writeUInt8(type, TYPE);
  return data;
}

/** Of a CQ that has completions, of a QP (whose type is 0), or of an SRQ. */
export function numberEvent(number: number): Buffer {
  const data = Buffer.alloc(EVENT_BYTES);
  data.writeUInt32BE(number, NUMBER);
  return data;
}

export function overrunEvent(cqn: number): Buffer {
  const data = Buffer.alloc(EVENT_BYTES);
  data.writeUInt32BE(cqn, 0);
  data.writeUInt8(OVERRUN, SYNDROME);
  return data;
}

/** Entries of the command queue that are done. */
export function commandEvent(done: number): Buffer {
  const data = Buffer.alloc(EVENT_BYTES);
  data.writeUInt32BE(done, 0);
  return data;
}
