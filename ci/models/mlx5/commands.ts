import { Refusal, type RefusalKind } from '../refusal.ts';
import type { Capabilities } from './capabilities.ts';
import { answer, answerWith, callOf, type Entries, type Handler } from './command.ts';
import * as h from './headers/ifc.ts';
import { BOARD, DUMP_FILL_MKEY, NULL_MKEY } from './limits.ts';
import type { Objects } from './objects.ts';
import { simpleObjects } from './simple-objects.ts';
import { mustBeUser, userIn } from './users.ts';

const STATUSES: Readonly<Record<RefusalKind, number>> = {
  parameter: h.MLX5_CMD_STAT_BAD_PARAM_ERR,
  busy: h.MLX5_CMD_STAT_RES_BUSY,
  room: h.MLX5_CMD_STAT_NO_RES_ERR,
  unsupported: h.MLX5_CMD_STAT_BAD_PARAM_ERR,
  opcode: h.MLX5_CMD_STAT_BAD_OP_ERR,
};

/** The interface step sequence id: 1 and 0. Source: core/main.c, mlx5_core_set_issi() */
const SUPPORTED_ISSI = 0b11;
const MAD = 16;

/** Commands that a device without firmware needs nothing for. */
const AGREED: readonly number[] = [
  h.MLX5_CMD_OP_ENABLE_HCA,
  h.MLX5_CMD_OP_DISABLE_HCA,
  h.MLX5_CMD_OP_INIT_HCA,
  h.MLX5_CMD_OP_TEARDOWN_HCA,
  h.MLX5_CMD_OP_SET_ISSI,
  h.MLX5_CMD_OP_SET_DRIVER_VERSION,
  h.MLX5_CMD_OP_MANAGE_PAGES,
  h.MLX5_CMD_OP_SET_MAD_DEMUX,
];

function ownHandlers(): Entries {
  return [
    ...AGREED.map((opcode) => [opcode, () => undefined] as const),
    [h.MLX5_CMD_OP_QUERY_ISSI, queryIssi],
    // It has memory of its own and wants none of the driver's.
    [h.MLX5_CMD_OP_QUERY_PAGES, () => answer()],
    [h.MLX5_CMD_OP_QUERY_ADAPTER, queryAdapter],
    [
      h.MLX5_CMD_OP_QUERY_SPECIAL_CONTEXTS,
      () =>
        h.query_special_contexts_out.make({
          dump_fill_mkey: DUMP_FILL_MKEY,
          null_mkey: NULL_MKEY,
        }),
    ],
    // A management datagram is given back as it came, with its counters all zero.
    [h.MLX5_CMD_OP_MAD_IFC, ({ input }) => answerWith(input.subarray(MAD), MAD)],
    [h.MLX5_CMD_OP_QUERY_Q_COUNTER, ({ outputBytes }) => Buffer.alloc(outputBytes)],
  ];
}

function queryIssi(): Buffer {
  return h.query_issi_out.make({ supported_issi_dw0: SUPPORTED_ISSI });
}

function queryAdapter(): Buffer {
  const output = Buffer.alloc(h.query_adapter_out.sizeBytes);
  h.query_adapter_out.set(output, 'query_adapter_struct.ieee_vendor_id', 0x2c9);
  output.write(BOARD, h.query_adapter_out.byteOf('query_adapter_struct.vsd_contd_psid'), 'latin1');
  return output;
}

/** Carries out commands. */
export class Commands {
  readonly #handlers: Map<number, Handler>;
  readonly #objects: Objects;
  readonly #say: (line: string) => void;

  constructor(
    capabilities: Capabilities,
    objects: Objects,
    more: Entries,
    say: (line: string) => void,
  ) {
    this.#objects = objects;
    this.#say = say;
    this.#handlers = new Map([
      ...ownHandlers(),
      ...capabilities.handlers,
      ...simpleObjects(),
      ...more,
    ]);
  }

  execute(input: Buffer, outputBytes: number): Buffer {
    const call = callOf(input, outputBytes);
    try {
      mustBeUser(this.#objects, userIn(call));
      const handler = this.#handlers.get(call.opcode);
      if (handler !== undefined) return handler(call) ?? answer();
      throw new Refusal('opcode', 'no such command');
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#say(`command 0x${call.opcode.toString(16)}: ${error.message}`);
      const refused = answer();
      refused.writeUInt8(STATUSES[error.kind], 0);
      return refused;
    }
  }
}
