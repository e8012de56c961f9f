import type { Errno } from './errno.ts';
import {
  NLA_F_NESTED,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  nlattr,
  nlmsgerr,
  nlmsghdr,
} from './headers/linux/netlink.ts';
import type { Outcome } from './sys-call.ts';

/**
 * Netlink messages as bytes: headers, attributes, and the end of a reply. Headers and attributes start
 * at multiples of four bytes; the numbers are the machine's own, which is little-endian here.
 * Source: Documentation/userspace-api/netlink/intro.rst
 */

export interface NetlinkRequest {
  readonly type: number;
  /** Asks for a list: many messages, ended by NLMSG_DONE. */
  readonly isDump?: boolean;
  /** Made with `attributes.*`, one behind the other. */
  readonly payload?: Uint8Array;
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

const align = (bytes: number): number => (bytes + 3) & ~3;

/** A request's bytes. One that is no dump asks for an acknowledgement, by which its reply ends. */
export function encodeRequest(request: NetlinkRequest, sequence: number): Buffer {
  const payload = request.payload ?? Buffer.alloc(0);
  const header = nlmsghdr.make({
    nlmsg_len: nlmsghdr.size + payload.length,
    nlmsg_type: request.type,
    nlmsg_flags: NLM_F_REQUEST | (request.isDump === true ? NLM_F_DUMP : NLM_F_ACK),
    nlmsg_seq: sequence,
  });
  return Buffer.concat([header, payload]);
}

/** The messages of one datagram; what is cut short is left out. */
export function parseMessages(datagram: Buffer): readonly NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + nlmsghdr.size <= datagram.length; ) {
    const rest = datagram.subarray(at);
    const length = nlmsghdr.get(rest, 'nlmsg_len');
    if (length < nlmsghdr.size || length > rest.length) break;
    messages.push({
      type: nlmsghdr.get(rest, 'nlmsg_type'),
      flags: nlmsghdr.get(rest, 'nlmsg_flags'),
      sequence: nlmsghdr.get(rest, 'nlmsg_seq'),
      payload: rest.subarray(nlmsghdr.size, length),
    });
    at += align(length);
  }
  return messages;
}

/** Builders of attributes, padded to four bytes. */
export const attributes = {
  u8: (type: number, value: number): Buffer => attribute(type, Buffer.from([value])),
  u32(type: number, value: number): Buffer {
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(value);
    return attribute(type, payload);
  },
  /** Ends in NUL, as NLA_NUL_STRING demands. */
  string: (type: number, text: string): Buffer => attribute(type, Buffer.from(`${text}\0`)),
  nested: (type: number, ...inner: readonly Buffer[]): Buffer =>
    attribute(type | NLA_F_NESTED, Buffer.concat(inner)),
};

function attribute(type: number, payload: Buffer): Buffer {
  const header = nlattr.make({ nla_len: nlattr.size + payload.length, nla_type: type });
  return Buffer.concat([header, payload], align(nlattr.size + payload.length));
}

/** The attributes of a payload, read by type. */
export class Attributes {
  readonly #all: readonly { readonly type: number; readonly payload: Buffer }[];

  constructor(bytes: Buffer) {
    this.#all = parseAttributes(bytes);
  }

  /** Of several of one type the first, as in the kernel's lists each stands for itself: see `all`. */
  #find(type: number): Buffer | undefined {
    return this.#all.find((one) => one.type === type)?.payload;
  }

  /** A number of whatever width the kernel chose. */
  number(type: number): number | undefined {
    const payload = this.#find(type);
    switch (payload?.length) {
      case 1:
        return payload.readUInt8();
      case 2:
        return payload.readUInt16LE();
      case 4:
        return payload.readUInt32LE();
      case 8:
        return Number(payload.readBigUInt64LE());
      default:
        return undefined;
    }
  }

  has(type: number): boolean {
    return this.#find(type) !== undefined;
  }

  string(type: number): string | undefined {
    return this.#find(type)?.toString('utf8').replace(/\0.*$/s, '');
  }

  /** The attributes inside the first one of this type; none where there is none. */
  nested(type: number): Attributes {
    return new Attributes(this.#find(type) ?? Buffer.alloc(0));
  }

  /** The attributes inside each one of this type: the rows of a table. */
  all(type: number): readonly Attributes[] {
    return this.#all
      .filter((one) => one.type === type)
      .map(({ payload }) => new Attributes(payload));
  }
}

/** The upper two bits of a type are flags. Source: include/uapi/linux/netlink.h, NLA_TYPE_MASK */
const TYPE_BITS = 0x3fff;

function parseAttributes(bytes: Buffer) {
  const found: { type: number; payload: Buffer }[] = [];
  for (let at = 0; at + nlattr.size <= bytes.length; ) {
    const rest = bytes.subarray(at);
    const length = nlattr.get(rest, 'nla_len');
    if (length < nlattr.size || length > rest.length) break;
    const type = nlattr.get(rest, 'nla_type') & TYPE_BITS;
    found.push({ type, payload: rest.subarray(nlattr.size, length) });
    at += align(length);
  }
  return found;
}

/** Collects the datagrams of one reply. Those of an older request, given up on, do not count. */
export class NetlinkReply {
  readonly #sequence: number;
  readonly #messages: NetlinkMessage[] = [];
  #errno: Errno | undefined;

  constructor(sequence: number) {
    this.#sequence = sequence;
  }

  /**
   * @param datagram copied: the caller may read the next one into the same memory
   * @returns whether the reply is whole now
   */
  add(datagram: Buffer): boolean {
    for (const message of parseMessages(Buffer.from(datagram))) {
      if (message.sequence !== this.#sequence) continue;
      if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
        this.#errno = errnoOf(message.payload);
      } else {
        this.#messages.push(message);
      }
    }
    return this.#errno !== undefined;
  }

  outcome(): Outcome<readonly NetlinkMessage[]> {
    const errno = this.#errno ?? 0;
    return errno === 0 ? { ok: true, value: this.#messages } : { ok: false, errno };
  }
}

/**
 * Errors travel as negative numbers; an acknowledgement is error 0, and so is a plain end.
 * Source: net/netlink/af_netlink.c, netlink_ack(), netlink_dump_done()
 */
function errnoOf(payload: Buffer): Errno {
  if (payload.length < 4) return 0;
  const error = nlmsgerr.get(payload, 'error');
  return error < 0 ? -error : 0;
}
