import * as h from './headers/ifc.ts';
import { END_OF_LIST_KEY, LID, UAR_BYTES } from './limits.ts';
import {
  CQ,
  CQ_DEPTH,
  CQ_RECORD,
  QKEY,
  RECEIVE_BYTES,
  RECVS,
  SEND_BLOCKS,
  Setup,
  type Side,
  SRQ,
  SRQ_RECORD,
  SRQ_SLOTS,
  UAR,
} from './test-setup.ts';

const BLOCK_BYTES = h.MLX5_SEND_WQE_BB;

/** A piece of memory: a key, an address, a length. */
export type Piece = readonly [key: number, address: number, length: number];

export interface Flags {
  readonly isSilent?: boolean;
  readonly isSolicited?: boolean;
  /** Immediate data, or a key. */
  readonly extra?: number;
}

/** For unit tests: what programs do with the two queue pairs. */
export class Pair extends Setup {
  #polled = 0;
  #shared = 0;

  /** Nobody rings for it. */
  receive(side: Side, ...pieces: readonly Piece[]): void {
    const slots = side.at - RECVS * RECEIVE_BYTES;
    const at = slots + (side.posted % RECVS) * RECEIVE_BYTES;
    this.#writePieces(at, RECEIVE_BYTES, pieces);
    side.posted++;
    this.machine.setWord(side.record, side.posted & 0xffff);
  }

  receiveShared(...pieces: readonly Piece[]): void {
    const at = SRQ + (this.#shared % SRQ_SLOTS) * RECEIVE_BYTES;
    this.#writePieces(at + 16, RECEIVE_BYTES - 16, pieces);
    this.#shared++;
    this.machine.setWord(SRQ_RECORD, this.#shared & 0xffff);
  }

  #writePieces(at: number, room: number, pieces: readonly Piece[]): void {
    const end: readonly Piece[] = pieces.length * 16 < room ? [[END_OF_LIST_KEY, 0, 0]] : [];
    this.machine.memory.write(at, Buffer.concat([...pieces, ...end].map(pieceSegment)));
  }

  /** Posts what is behind the control segment. */
  post(side: Side, opcode: number, body: Buffer, flags: Flags = {}): void {
    const control = Buffer.alloc(16);
    control.writeUInt32BE((((side.sent & 0xffff) << 8) | opcode) >>> 0, 0);
    const parts = Math.ceil((16 + body.length) / 16);
    control.writeUInt32BE(((side.number << 8) | parts) >>> 0, 4);
    const completes = flags.isSilent === true ? 0 : h.MLX5_WQE_CTRL_CQ_UPDATE;
    const solicited = flags.isSolicited === true ? h.MLX5_WQE_CTRL_SOLICITED : 0;
    control.writeUInt8(completes | solicited, 11);
    control.writeUInt32BE((flags.extra ?? 0) >>> 0, 12);
    const wqe = Buffer.concat([control, body]);
    const blocks = Math.ceil(wqe.length / BLOCK_BYTES);
    for (let block = 0; block < blocks; block++) {
      const at = side.at + ((side.sent + block) % SEND_BLOCKS) * BLOCK_BYTES;
      this.machine.memory.write(at, wqe.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES));
    }
    side.sent += blocks;
    this.machine.setWord(side.record + 4, side.sent & 0xffff);
    this.ring(control);
  }

  ring(control: Buffer, uar = UAR): void {
    const at = uar * UAR_BYTES + 0x800;
    this.machine.ring(at, control.readUInt32BE(0), control.readUInt32BE(4));
  }

  send(pieces: readonly Piece[], { opcode = h.MLX5_OPCODE_SEND, ...flags }: SendFlags = {}): void {
    this.post(this.from, opcode, Buffer.concat([this.#xrc(), ...pieces.map(pieceSegment)]), flags);
  }

  /** Data in the request. */
  sendInline(data: Buffer, flags: Flags = {}): void {
    const head = Buffer.alloc(4);
    head.writeUInt32BE((0x8000_0000 | data.length) >>> 0);
    const body = Buffer.concat([this.#xrc(), head, data]);
    this.post(this.from, h.MLX5_OPCODE_SEND, body, flags);
  }

  /** A write, a read, or an atomic operation with its numbers. */
  remote(
    opcode: number,
    [key, address]: readonly [key: number, address: number],
    pieces: readonly Piece[],
    numbers: readonly bigint[] = [],
    flags: Flags = {},
  ): void {
    const head = Buffer.alloc(16 + 8 * numbers.length);
    head.writeBigUInt64BE(BigInt(address), 0);
    head.writeUInt32BE(key >>> 0, 8);
    for (const [i, number] of numbers.entries()) head.writeBigUInt64BE(number, 16 + 8 * i);
    const body = Buffer.concat([this.#xrc(), head, ...pieces.map(pieceSegment)]);
    this.post(this.from, opcode, body, flags);
  }

  datagram(pieces: readonly Piece[], { opcode, qkey, qpn, lid, gid, ...flags }: Datagram = {}) {
    const address = Buffer.alloc(48);
    address.writeUInt32BE(qkey ?? QKEY, 0);
    address.writeUInt32BE((0x8000_0000 | (qpn ?? this.to.number)) >>> 0, 8);
    address.writeUInt16BE(lid ?? LID, 14);
    address.writeUInt32BE(gid === undefined ? 0 : 0x4000_0000, 28);
    gid?.copy(address, 32);
    const body = Buffer.concat([address, ...pieces.map(pieceSegment)]);
    this.post(this.from, opcode ?? h.MLX5_OPCODE_SEND, body, flags);
  }

  #xrc(): Buffer {
    if (!this.isXrc) return Buffer.alloc(0);
    const segment = Buffer.alloc(16);
    segment.writeUInt32BE(this.srqn);
    return segment;
  }

  armCq(consumed: number, isSolicited = false): void {
    const word = (isSolicited ? 1 << 24 : 0) | consumed;
    this.machine.setWord(CQ_RECORD + 4, word);
    this.machine.ring(UAR * UAR_BYTES + 0x20, word, this.cqn);
  }

  /** The completions since the last call. @param at where the ring is, and its depth */
  poll(at = CQ, depth = CQ_DEPTH) {
    const all = [];
    for (;;) {
      const entry = this.machine.read(at + (this.#polled % depth) * 64, 64);
      const last = entry.readUInt8(63);
      const isOurs = (last & 1) === (Math.floor(this.#polled / depth) & 1);
      if (!isOurs || last >>> 4 === h.MLX5_CQE_INVALID) return all;
      this.#polled++;
      this.machine.setWord(CQ_RECORD, this.#polled & 0xff_ffff);
      all.push({
        kind: last >>> 4,
        syndrome: entry.readUInt8(55),
        opcode: entry.readUInt8(56),
        qpn: entry.readUInt32BE(56) & 0xff_ffff,
        index: entry.readUInt16BE(60),
        name: entry.readUInt32BE(32),
        extra: entry.readUInt32BE(36),
        length: entry.readUInt32BE(44),
        remote: entry.readUInt32BE(24),
      });
    }
  }

  /** Kinds and syndromes, each as `kind:syndrome`. */
  outcomes(): readonly string[] {
    return this.poll().map(({ kind, syndrome, opcode }) => {
      if (kind === h.MLX5_CQE_REQ_ERR) return `send ${syndrome}`;
      if (kind === h.MLX5_CQE_RESP_ERR) return `receive ${syndrome}`;
      return kind === h.MLX5_CQE_REQ ? `sent ${opcode}` : `received ${kind}`;
    });
  }

  /** Lets time go by, until there is nothing to wait for or it is over. */
  async wait(mostMs = 100): Promise<void> {
    const { device } = this.machine;
    const end = performance.now() + mostMs;
    for (;;) {
      const { wakeAtMs } = device;
      if (wakeAtMs === undefined || wakeAtMs > end) return;
      await new Promise((done) => setTimeout(done, Math.max(0, wakeAtMs - performance.now())));
      device.wake();
    }
  }
}

export interface SendFlags extends Flags {
  readonly opcode?: number;
}

export interface Datagram extends SendFlags {
  readonly qkey?: number;
  readonly qpn?: number;
  readonly lid?: number;
  readonly gid?: Buffer;
}

function pieceSegment([key, address, length]: Piece): Buffer {
  const segment = Buffer.alloc(16);
  segment.writeUInt32BE(length, 0);
  segment.writeUInt32BE(key >>> 0, 4);
  segment.writeBigUInt64BE(BigInt(address), 8);
  return segment;
}
