/** Longest text of one argument in an error message. */
const MAX_LENGTH = 400;
/** Bytes of a raw argument that are shown. */
const MAX_BYTES = 32;

/** `24 bytes 00 01 02 …`: for an argument that no struct describes. */
export function formatBytes(bytes: Uint8Array): string {
  const shown = [...bytes.subarray(0, MAX_BYTES)].map((b) => b.toString(16).padStart(2, '0'));
  if (bytes.length > MAX_BYTES) shown.push('…');
  return [`${bytes.length} bytes`, ...shown].join(' ');
}

function formatValue(value: unknown): string {
  if (value instanceof Uint8Array) return `[${formatBytes(value)}]`;
  if (Array.isArray(value)) return `[${value.map(formatValue).join(' ')}]`;
  // From 2^32 on it is an address, an offset or a mask, which people read in hex.
  if (typeof value === 'bigint') return value >= 1n << 32n ? `0x${value.toString(16)}` : `${value}`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return `{${formatFields(value)}}`;
  return String(value);
}

function formatFields(value: object): string {
  return Object.entries(value)
    .map(([name, field]) => `${name}=${formatValue(field)}`)
    .join(' ');
}

/** A decoded struct on one line, `handle=1 pad=0`, cut where it gets long. */
export function formatDecoded(decoded: unknown): string {
  const isFields = typeof decoded === 'object' && decoded !== null && !Array.isArray(decoded);
  const text =
    isFields && !(decoded instanceof Uint8Array) ? formatFields(decoded) : formatValue(decoded);
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH)}…`;
}
