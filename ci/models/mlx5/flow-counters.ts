import { answer, type Call, type Entries } from './command.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';

/** What came by a rule. */
export interface FlowCounter {
  packets: bigint;
  bytes: bigint;
}

const NUMBER = 8;
/** Where the answer has them. Source: mlx5_ifc.h, struct mlx5_ifc_query_flow_counter_out_bits */
const STATISTICS = 16;
const COUNTER_BYTES = h.traffic_counter.sizeBytes;

/** Of a counter the command names 32 bits. */
const counterIn = ({ input }: Call): number => input.readUInt32BE(NUMBER);

export function flowCounters({ counters }: Objects): Entries {
  return [
    [
      h.MLX5_CMD_OP_ALLOC_FLOW_COUNTER,
      () => answer(counters.add(() => ({ packets: 0n, bytes: 0n }))),
    ],
    [h.MLX5_CMD_OP_DEALLOC_FLOW_COUNTER, (call) => void counters.remove(counterIn(call))],
    [h.MLX5_CMD_OP_QUERY_FLOW_COUNTER, (call) => query(call, { counters })],
  ];
}

/** One counter, which must be there, or a row of which some may be missing: those read as zeros. */
function query({ input }: Call, { counters }: Pick<Objects, 'counters'>): Buffer {
  const first = h.query_flow_counter_in.get(input, 'flow_counter_id');
  const count = h.query_flow_counter_in.get(input, 'num_of_counters');
  if (count === 0) counters.find(first);
  const output = Buffer.alloc(STATISTICS + Math.max(1, count) * COUNTER_BYTES);
  for (let i = 0; i < Math.max(1, count); i++) {
    const counter = counters.get(first + i);
    if (counter === undefined) continue;
    const place = output.subarray(STATISTICS + i * COUNTER_BYTES);
    h.traffic_counter.setBig(place, 'packets', counter.packets);
    h.traffic_counter.setBig(place, 'octets', counter.bytes);
    if (h.query_flow_counter_in.get(input, 'clear') === 1)
      Object.assign(counter, { packets: 0n, bytes: 0n });
  }
  return output;
}
