import { must, mustBeIdle, mustFind } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import { EventQueue } from './event-queue.ts';
import {
  ERDMA_EQ_TYPE_CEQ,
  erdma_cmdq_create_eq_req,
  erdma_cmdq_destroy_eq_req,
} from './headers/erdma-hw.ts';
import { MSIX_VECTORS } from './limits.ts';
import type { Objects } from './objects.ts';

/** The driver makes one of 4096; that there may be more is a guess. */
const MAX_DEPTH_EXPONENT = 15;

/** Event queue 0 is that of commands. The driver takes the vector with the queue's number. */
export function createEq(host: Host, { eqs }: Objects, entry: Buffer): void {
  const command = erdma_cmdq_create_eq_req.decode(entry);
  const { eqn, vector_idx: vector, depth: exponent, qtype, qbuf_addr: base } = command;
  must(qtype === ERDMA_EQ_TYPE_CEQ, `an EQ of type ${qtype}`);
  must(eqn > 0 && eqn < MSIX_VECTORS && !eqs.has(eqn), `EQ ${eqn}`);
  must(vector > 0 && vector < MSIX_VECTORS, `vector ${vector}`);
  must(exponent > 0 && exponent <= MAX_DEPTH_EXPONENT, `2 ** ${exponent} entries`);
  eqs.set(eqn, new EventQueue(host, { base: Number(base), depth: 2 ** exponent }, vector));
}

export function destroyEq({ eqs }: Objects, entry: Buffer): void {
  const { eqn, qtype } = erdma_cmdq_destroy_eq_req.decode(entry);
  must(qtype === ERDMA_EQ_TYPE_CEQ, `an EQ of type ${qtype}`);
  mustBeIdle(mustFind(eqs.get(eqn), `EQ ${eqn}`), `EQ ${eqn}`);
  eqs.delete(eqn);
}
