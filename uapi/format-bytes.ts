/** Bytes that are shown before the text is cut. */
const MAX_BYTES = 32;

/** `24 bytes 00 01 02 …`: for an argument that no struct describes. */
export function formatBytes(bytes: Uint8Array): string {
  const shown = [...bytes.subarray(0, MAX_BYTES)].map((b) => b.toString(16).padStart(2, '0'));
  if (bytes.length > MAX_BYTES) shown.push('…');
  return [`${bytes.length} bytes`, ...shown].join(' ');
}

/** The same memory as a Buffer, which struct layouts read. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
