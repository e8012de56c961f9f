/** CRC-16 as linux/crc16.h has it: polynomial 0x8005, least significant bit first. */
export function crc16(initial: number, bytes: Uint8Array): number {
  let crc = initial;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xa001;
  }
  return crc;
}

/** Of an entry of the admin queues, whose checksum field is zero. Source: efa_com.c, efa_com_calc_crc16_checksum() */
export function entryChecksum(entry: Uint8Array): number {
  return crc16(0xffff, entry) ^ 0xffff;
}
