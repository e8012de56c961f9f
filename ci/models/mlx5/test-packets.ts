import { FIELD_BYTES } from './frame-fields.ts';
import * as h from './headers/ifc.ts';
import { FIRST_RQN, OWN_MAC } from './limits.ts';
import type { Answer } from './test-machine.ts';
import { type Flags, Pair, type Piece } from './test-pair.ts';
import { PD, RECEIVE_BYTES, RECVS, SEND_BLOCKS, type Side, UAR } from './test-setup.ts';

/** Where both commands that make queues have their context, and their pages. */
const CONTEXT = 32;
const PAGES = CONTEXT + h.rqc.byteOf('wq') + h.wq.byteOf('pas.pa_h');
const QUEUES = 0x24000;
const RECORDS = 0x14200;
const NUMBER = 8;
const RDY = h.MLX5_SQC_STATE_RDY;

/** Domains of transport are numbers that the device compares, no more. */
export const HERE = 1;
export const ELSEWHERE = 2;
const DOMAINS = 2;

export interface Rule {
  readonly table: number;
  readonly index: number;
  readonly group?: number;
  /** Fields; those of the group count. */
  readonly value?: Buffer;
  readonly tirs?: readonly number[];
  readonly tables?: readonly number[];
  readonly counters?: readonly number[];
  readonly action?: number;
  readonly tag?: number;
  readonly type?: number;
}

/** For unit tests: an SQ and an RQ of different domains, with a way to the RQ, and a table that frames meet. */
export class Packets extends Pair {
  readonly sq: Side;
  readonly rq: Side;
  readonly tir: number;
  readonly table: number;
  /** Of rules that look at the address that a frame is for. */
  readonly group: number;

  constructor() {
    super({ link: 'ethernet' });
    for (let domain = 0; domain < DOMAINS; domain++) {
      this.machine.command(h.MLX5_CMD_OP_ALLOC_TRANSPORT_DOMAIN);
    }
    this.sq = this.makeSq(0);
    this.rq = this.makeRq(1);
    this.tir = this.makeTir(this.rq);
    this.table = this.makeTable();
    this.setRoot(this.table);
    this.group = this.makeGroup(this.table, destination(Buffer.alloc(6, 0xff)));
  }

  makeSq(place: number, domain = HERE, state: number = RDY): Side {
    const tis = Buffer.alloc(CONTEXT + h.tisc.sizeBytes);
    h.tisc.set(tis.subarray(CONTEXT), 'transport_domain', domain);
    const { number } = this.machine.command(h.MLX5_CMD_OP_CREATE_TIS, tis);
    const fields = { cqn: this.cqn, user_index: 0x200 + place, tis_num_0: number };
    const side = this.#makeQueue(place, h.MLX5_CMD_OP_CREATE_SQ, {
      context: h.sqc.make({ ...fields, flush_in_error_en: 1 }),
      slots: SEND_BLOCKS,
      bytes: h.MLX5_SEND_WQE_BB,
    });
    this.setState(side, state, h.MLX5_SQC_STATE_RST);
    return side;
  }

  makeRq(place: number, state: number = RDY): Side {
    const side = this.#makeQueue(place, h.MLX5_CMD_OP_CREATE_RQ, {
      context: h.rqc.make({ cqn: this.cqn, user_index: 0x200 + place, flush_in_error_en: 1 }),
      slots: RECVS,
      bytes: RECEIVE_BYTES,
    });
    this.setState(side, state, h.MLX5_RQC_STATE_RST);
    // Receives lie in front of where a QP has its sends.
    return { ...side, at: side.at + RECVS * RECEIVE_BYTES };
  }

  #makeQueue(
    place: number,
    opcode: number,
    want: { readonly context: Buffer; readonly slots: number; readonly bytes: number },
  ): Side {
    const input = Buffer.alloc(PAGES + 8);
    want.context.copy(input, CONTEXT);
    const queue = input.subarray(CONTEXT + h.rqc.byteOf('wq'));
    const fields = {
      wq_type: h.MLX5_WQ_TYPE_CYCLIC,
      pd: PD,
      uar_page: UAR,
      log_wq_sz: Math.log2(want.slots),
      log_wq_stride: Math.log2(want.bytes),
    };
    for (const [field, value] of Object.entries(fields))
      h.wq.set(queue, field as keyof typeof fields, value);
    const at = QUEUES + place * 0x1000;
    const record = RECORDS + place * 0x40;
    h.wq.setBig(queue, 'dbr_addr', BigInt(record));
    input.writeBigUInt64BE(BigInt(at), PAGES);
    const { number } = this.machine.command(opcode, input);
    return { number, at, record, sent: 0, posted: 0 };
  }

  /** Both kinds of command have the same form. */
  setState(side: Side, state: number, from: number): boolean {
    const input = h.modify_rq_in.make({ rqn: side.number, rq_state: from });
    h.rqc.set(h.modify_rq_in.bytes(input, 'ctx'), 'state', state);
    const opcode = isSq(side) ? h.MLX5_CMD_OP_MODIFY_SQ : h.MLX5_CMD_OP_MODIFY_RQ;
    return this.machine.command(opcode, input).ok;
  }

  queueState(side: Side): number {
    const input = h.modify_rq_in.make({ rqn: side.number }).subarray(0, 16);
    const opcode = isSq(side) ? h.MLX5_CMD_OP_QUERY_SQ : h.MLX5_CMD_OP_QUERY_RQ;
    const { output } = this.machine.command(opcode, Buffer.from(input));
    return h.rqc.get(output.subarray(CONTEXT), 'state');
  }

  /** @param fields besides those that lead to the RQ */
  makeTir(
    to: { readonly number: number },
    fields: Partial<Record<Parameters<typeof h.tirc.get>[1], number>> = {},
    key?: Buffer,
  ): number {
    const context = h.tirc.make({ inline_rqn: to.number, transport_domain: ELSEWHERE, ...fields });
    key?.copy(context, h.tirc.byteOf('rx_hash_toeplitz_key'));
    const input = Buffer.concat([Buffer.alloc(CONTEXT), context]);
    return this.machine.command(h.MLX5_CMD_OP_CREATE_TIR, input).number;
  }

  makeRqt(sides: readonly Side[]): number {
    const context = h.rqtc.make({ rqt_actual_size: sides.length, rqt_max_size: sides.length });
    const numbers = sides.map(({ number }) => word(number));
    const input = Buffer.concat([Buffer.alloc(CONTEXT), context, ...numbers]);
    return this.machine.command(h.MLX5_CMD_OP_CREATE_RQT, input).number;
  }

  /** @param next where frames go that match nothing */
  makeTable(type: number = h.FS_FT_NIC_RX, next?: number): number {
    const input = h.create_flow_table_in.make({ table_type: type });
    missTo(h.create_flow_table_in.bytes(input, 'flow_table_context'), next);
    return this.machine.command(h.MLX5_CMD_OP_CREATE_FLOW_TABLE, input).number;
  }

  changeNext(table: number, next?: number): boolean {
    const input = h.modify_flow_table_in.make({ table_id: table, modify_field_select: 1 });
    missTo(h.modify_flow_table_in.bytes(input, 'flow_table_context'), next);
    return this.machine.command(h.MLX5_CMD_OP_MODIFY_FLOW_TABLE, input).ok;
  }

  setRoot(table: number, type: number = h.FS_FT_NIC_RX, opMod = 0): boolean {
    const input = h.set_flow_table_root_in.make({ table_type: type, table_id: table });
    return this.machine.command(h.MLX5_CMD_OP_SET_FLOW_TABLE_ROOT, input, opMod).ok;
  }

  makeGroup(table: number, criteria: Buffer, type: number = h.FS_FT_NIC_RX): number {
    const fields = { table_type: type, table_id: table, start_flow_index: 0, end_flow_index: 99 };
    const input = h.create_flow_group_in.make(fields);
    criteria.copy(h.create_flow_group_in.bytes(input, 'match_criteria'));
    return this.machine.command(h.MLX5_CMD_OP_CREATE_FLOW_GROUP, input).number;
  }

  /** @param mask of a change: what is taken */
  setRule(rule: Rule, mask?: number): Answer {
    const { tirs = [], tables = [], counters = [] } = rule;
    const fields = { table_type: rule.type ?? h.FS_FT_NIC_RX, table_id: rule.table };
    const input = h.set_fte_in.make({ ...fields, flow_index: rule.index });
    h.set_fte_in.set(input, 'modify_enable_mask', mask ?? 0);
    const context = h.set_fte_in.bytes(input, 'flow_context');
    const counts = counters.length > 0 ? h.MLX5_FLOW_CONTEXT_ACTION_COUNT : 0;
    const action = rule.action ?? h.MLX5_FLOW_CONTEXT_ACTION_FWD_DEST | counts;
    const values = { group_id: rule.group ?? this.group, action, flow_tag: rule.tag ?? 0 };
    for (const [field, value] of Object.entries(values))
      h.flow_context.set(context, field as keyof typeof values, value);
    h.flow_context.set(context, 'destination_list_size', tirs.length + tables.length);
    h.flow_context.set(context, 'flow_counter_list_size', counters.length);
    rule.value?.copy(h.flow_context.bytes(context, 'match_value'));
    const entries = [
      ...tirs.map((number) => entry(h.MLX5_IFC_FLOW_DESTINATION_TYPE_TIR, number)),
      ...tables.map((number) => entry(h.MLX5_IFC_FLOW_DESTINATION_TYPE_FLOW_TABLE, number)),
      ...counters.map((number) => entry(0, number)),
    ];
    const whole = Buffer.concat([input, ...entries]);
    const opMod = mask === undefined ? 0 : 1;
    return this.machine.command(h.MLX5_CMD_OP_SET_FLOW_TABLE_ENTRY, whole, opMod);
  }

  removeRule(table: number, index: number): boolean {
    const input = h.delete_fte_in.make({ table_id: table, flow_index: index });
    return this.machine.command(h.MLX5_CMD_OP_DELETE_FLOW_TABLE_ENTRY, input).ok;
  }

  /** The one that brings what is for an address to a TIR. */
  bring(address: Buffer, tirs: readonly number[] = [this.tir], index = 0): Answer {
    return this.setRule({ table: this.table, index, value: destination(address), tirs });
  }

  makeCounter(): number {
    return this.machine.command(h.MLX5_CMD_OP_ALLOC_FLOW_COUNTER).output.readUInt32BE(NUMBER);
  }

  counted(number: number): readonly [packets: bigint, bytes: bigint] {
    const input = h.query_flow_counter_in.make({ flow_counter_id: number });
    const { output } = this.machine.command(h.MLX5_CMD_OP_QUERY_FLOW_COUNTER, input);
    return [output.readBigUInt64BE(16), output.readBigUInt64BE(24)];
  }

  /** @param inline bytes of the frame that are in the request itself */
  sendFrame(pieces: readonly Piece[], inline = Buffer.alloc(0), flags: Flags = {}, side = this.sq) {
    const head = Buffer.alloc(Math.ceil((14 + inline.length) / 16) * 16);
    head.writeUInt16BE(inline.length, 12);
    inline.copy(head, 14);
    const body = Buffer.concat([head, ...pieces.map(dataSegment)]);
    this.post(side, h.MLX5_OPCODE_SEND, body, flags);
  }
}

const isSq = ({ number }: Side): boolean => number < FIRST_RQN;

function missTo(context: Buffer, next: number | undefined): void {
  if (next === undefined) return;
  h.flow_table_context.set(context, 'table_miss_action', h.MLX5_FLOW_TABLE_MISS_ACTION_FWD);
  h.flow_table_context.set(context, 'table_miss_id', next);
}

function entry(type: number, number: number): Buffer {
  return Buffer.concat([word((type << 24) | number), Buffer.alloc(4)]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function dataSegment([key, address, length]: Piece): Buffer {
  return Buffer.concat([word(length), word(key), word(0), word(address)]);
}

/** Fields, or criteria, of an address to which a frame is sent. */
export function destination(address: Buffer): Buffer {
  const fields = Buffer.alloc(FIELD_BYTES);
  address.copy(fields, h.fte_match_set_lyr_2_4.byteOf('dmac_47_16'));
  return fields;
}

export const GROUP_ADDRESS = Buffer.from('01005e000001', 'hex');
const FROM = Buffer.from('020000000099', 'hex');

/** A frame that says so much. */
export function frameTo(address: Buffer = OWN_MAC, payload = Buffer.alloc(46, 'x'), type = 0x88b5) {
  return Buffer.concat([address, FROM, word(type).subarray(2), payload]);
}

export interface Datagram {
  readonly source: string;
  readonly target: string;
  readonly ports: readonly [source: number, target: number];
  readonly protocol?: number;
}

/** A frame with a segment of UDP, or with what begins like one of TCP. */
export function ipv4Frame({ source, target, ports, protocol = 17 }: Datagram): Buffer {
  const packet = Buffer.alloc(40);
  packet.writeUInt8(0x45, 0);
  packet.writeUInt8(64, 8);
  packet.writeUInt8(protocol, 9);
  for (const [at, text] of [[12, source] as const, [16, target] as const])
    Buffer.from(text.split('.').map(Number)).copy(packet, at);
  packet.writeUInt16BE(ports[0], 20);
  packet.writeUInt16BE(ports[1], 22);
  return frameTo(OWN_MAC, packet, 0x0800);
}
