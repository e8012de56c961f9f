import { must, mustBeIdle } from '../refusal.ts';
import { answer, answerWith, type Call, type Entries, numberIn } from './command.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';
import type { Table } from './table.ts';

/** Where frames come from and go to, besides flow tables: contexts that say which queues there are. */
const CONTEXT = 32;
/** Where the answer to QUERY_TIS has it; the others have it where commands have theirs. */
const TIS_CONTEXT = 16;

interface Kind {
  readonly table: Table<Buffer>;
  /** @throws Refusal for what cannot be */
  readonly check: (context: Buffer) => void;
  readonly release?: (context: Buffer) => void;
  readonly opcodes: readonly [create: number, query: number, destroy: number];
  /** Where the answer to the query has the context. */
  readonly answerAt: number;
}

export function packetRoutes(objects: Objects): Entries {
  const { rqts, tirs, tiss } = objects;
  const kinds: readonly Kind[] = [
    {
      table: rqts,
      check: (context) => checkRqt(objects, context),
      opcodes: [h.MLX5_CMD_OP_CREATE_RQT, h.MLX5_CMD_OP_QUERY_RQT, h.MLX5_CMD_OP_DESTROY_RQT],
      answerAt: CONTEXT,
    },
    {
      table: tirs,
      check: (context) => checkTir(objects, context),
      opcodes: [h.MLX5_CMD_OP_CREATE_TIR, h.MLX5_CMD_OP_QUERY_TIR, h.MLX5_CMD_OP_DESTROY_TIR],
      answerAt: CONTEXT,
    },
    {
      table: tiss,
      check: (context) => void domainOf(objects, context).users++,
      release: (context) => void domainOf(objects, context).users--,
      opcodes: [h.MLX5_CMD_OP_CREATE_TIS, h.MLX5_CMD_OP_QUERY_TIS, h.MLX5_CMD_OP_DESTROY_TIS],
      answerAt: TIS_CONTEXT,
    },
  ];
  return [
    ...transportDomains(objects),
    ...kinds.flatMap(entriesOf),
    [h.MLX5_CMD_OP_MODIFY_TIR, (call) => modifyTir(tirs.find(numberIn(call)), call)],
    [h.MLX5_CMD_OP_MODIFY_TIS, (call) => modifyTis(tiss.find(numberIn(call)), call)],
  ];
}

function entriesOf({ table, check, release, opcodes, answerAt }: Kind): Entries {
  const [create, query, destroy] = opcodes;
  const make = ({ input }: Call) => {
    const context = Buffer.from(input.subarray(CONTEXT));
    check(context);
    return answer(table.add(() => context));
  };
  return [
    [create, make],
    [query, (call) => answerWith(table.find(numberIn(call)), answerAt)],
    [destroy, (call) => void release?.(table.remove(numberIn(call)))],
  ];
}

/** Frames that one sends come back to others' alone: loopback.ts. That a TIS keeps its domain is a guess. */
function transportDomains({ domains }: Objects): Entries {
  const free = (id: number) => {
    mustBeIdle(domains.find(id), `transport domain ${id}`);
    domains.remove(id);
  };
  return [
    [h.MLX5_CMD_OP_ALLOC_TRANSPORT_DOMAIN, () => answer(domains.add(() => ({ users: 0 })))],
    [h.MLX5_CMD_OP_DEALLOC_TRANSPORT_DOMAIN, (call) => void free(numberIn(call))],
  ];
}

function domainOf({ domains }: Objects, tis: Buffer): { users: number } {
  return domains.find(h.tisc.get(tis, 'transport_domain'));
}

/** Numbers of RQs follow the context, a word each. */
function checkRqt({ rqs }: Objects, context: Buffer): void {
  const count = h.rqtc.get(context, 'rqt_actual_size');
  const end = h.rqtc.sizeBytes + 4 * count;
  must(count > 0 && end <= context.length, `there are no ${count} RQs in the command`);
  for (let at = h.rqtc.sizeBytes; at < end; at += 4) rqs.find(context.readUInt32BE(at) & 0xff_ffff);
}

function checkTir({ rqs, rqts }: Objects, context: Buffer): void {
  const isDirect = h.tirc.get(context, 'disp_type') === h.MLX5_TIRC_DISP_TYPE_DIRECT;
  if (isDirect) rqs.find(h.tirc.get(context, 'inline_rqn'));
  else rqts.find(h.tirc.get(context, 'indirect_table'));
}

function modifyTis(tis: Buffer, { input }: Call): undefined {
  const wanted = h.modify_tis_in.bytes(input, 'ctx');
  if (h.modify_tis_in.get(input, 'bitmask.prio') === 0) return;
  h.tisc.set(tis, 'prio', h.tisc.get(wanted, 'prio'));
}

const HASH = ['rx_hash_symmetric', 'rx_hash_fn', 'rx_hash_field_selector_outer'] as const;

function modifyTir(tir: Buffer, { input }: Call): undefined {
  const wanted = h.modify_tir_in.bytes(input, 'ctx');
  const take = (field: 'self_lb_block' | (typeof HASH)[number]) =>
    h.tirc.set(tir, field, h.tirc.get(wanted, field));
  if (h.modify_tir_in.get(input, 'bitmask.self_lb_en') === 1) take('self_lb_block');
  if (h.modify_tir_in.get(input, 'bitmask.hash') === 0) return;
  for (const field of HASH) take(field);
  const key = h.tirc.byteOf('rx_hash_toeplitz_key');
  wanted.copy(tir, key, key, h.tirc.byteOf('rx_hash_field_selector_outer'));
}
