import { array, u8, u16, u32, u64 } from './fields.ts';
import { sockaddr_in } from './headers/linux/in.ts';
import { sockaddr_in6 } from './headers/linux/in6.ts';
import { ipv4Bytes, ipv6Bytes, ipv6Text } from './ip-address.ts';
import { Struct } from './layout.ts';

/** Socket addresses as text: `10.7.1.1:7471`, `[fd00::1]:7471`, `[fe80::1%3]:0`, `ib:[gid]/0x106…`. */

export const AF_INET = 2;
export const AF_INET6 = 10;
/** Addresses of the InfiniBand world: a GID and a service id. */
export const AF_IB = 27;

type SockaddrIb = {
  sib_family: number;
  sib_pkey: number;
  sib_flowinfo: number;
  sib_addr: number[];
  sib_sid: bigint;
  sib_sid_mask: bigint;
  sib_scope_id: bigint;
};

/** No header for user space has it. Source: include/rdma/ib.h, struct sockaddr_ib */
export const sockaddr_ib = new Struct<SockaddrIb>({
  name: 'sockaddr_ib',
  size: 48,
  size32: 48,
  fields: () => [
    u16('sib_family', 0),
    u16('sib_pkey', 2, 2, '__be16'),
    u32('sib_flowinfo', 4, 4, '__be32'),
    array('sib_addr', u8('', 0), 16, 8),
    u64('sib_sid', 24, 24, '__be64'),
    u64('sib_sid_mask', 32, 32, '__be64'),
    u64('sib_scope_id', 40),
  ],
});

/**
 * The bytes of a socket address, as long as its family makes it.
 *
 * @param text an address and perhaps a port; throws RangeError where it is none
 */
export function packSocketAddress(text: string): Buffer {
  const [, gid, service] = /^ib:\[(.+)\](?:\/(0x[0-9a-f]+))?$/i.exec(text) ?? [];
  if (gid !== undefined) return packIb(gid, BigInt(service ?? 0));
  const [, v6, scope, port6] = /^\[([^%\]]+)(?:%(\d+))?\](?::(\d+))?$/.exec(text) ?? [];
  if (v6 !== undefined) return packV6(v6, portOf(port6, text), Number(scope ?? 0));
  const [, v4, port4] = /^([\d.]+)(?::(\d+))?$/.exec(text) ?? [];
  if (v4 !== undefined) return packV4(v4, portOf(port4, text));
  throw new RangeError(`'${text}' is no socket address: write 10.7.1.1:7471 or [fd00::1]:7471`);
}

function portOf(digits: string | undefined, text: string): number {
  const port = Number(digits ?? 0);
  if (port > 0xffff) throw new RangeError(`'${text}': a port is at most 65535`);
  return port;
}

function packV4(address: string, port: number): Buffer {
  const bytes = sockaddr_in.make({ sin_family: AF_INET });
  sockaddr_in.bytes(bytes, 'sin_port').writeUInt16BE(port);
  sockaddr_in.bytes(bytes, 'sin_addr').set(ipv4Bytes(address));
  return bytes;
}

function packV6(address: string, port: number, scope: number): Buffer {
  const bytes = sockaddr_in6.make({ sin6_family: AF_INET6, sin6_scope_id: scope });
  sockaddr_in6.bytes(bytes, 'sin6_port').writeUInt16BE(port);
  sockaddr_in6.bytes(bytes, 'sin6_addr').set(ipv6Bytes(address));
  return bytes;
}

/** Any partition; the whole service id counts. */
function packIb(gid: string, service: bigint): Buffer {
  const bytes = sockaddr_ib.make({ sib_family: AF_IB, sib_pkey: 0xffff });
  sockaddr_ib.bytes(bytes, 'sib_addr').set(ipv6Bytes(gid));
  sockaddr_ib.bytes(bytes, 'sib_sid').writeBigUInt64BE(service);
  sockaddr_ib.bytes(bytes, 'sib_sid_mask').fill(0xff);
  return bytes;
}

/** The text of a socket address; empty where there is none, hexadecimal for unknown families. */
export function socketAddressText(bytes: Buffer): string {
  const family = bytes.readUInt16LE(0);
  switch (family) {
    case 0:
      return '';
    case AF_INET: {
      const port = sockaddr_in.bytes(bytes, 'sin_port').readUInt16BE();
      return `${sockaddr_in.bytes(bytes, 'sin_addr').join('.')}:${port}`;
    }
    case AF_INET6: {
      const scope = sockaddr_in6.get(bytes, 'sin6_scope_id');
      const port = sockaddr_in6.bytes(bytes, 'sin6_port').readUInt16BE();
      const address = ipv6Text(sockaddr_in6.bytes(bytes, 'sin6_addr'));
      return `[${address}${scope === 0 ? '' : `%${scope}`}]:${port}`;
    }
    case AF_IB: {
      const service = sockaddr_ib.bytes(bytes, 'sib_sid').readBigUInt64BE();
      return `ib:[${ipv6Text(sockaddr_ib.bytes(bytes, 'sib_addr'))}]/0x${service.toString(16)}`;
    }
    default:
      return `family ${family}: ${bytes.toString('hex', 2)}`;
  }
}
