import { codecOf } from './codec.ts';
import type { Field } from './description.ts';

/** Longer lists are cut in reports. */
const MAX_ITEMS = 8;

const HEX_NAME = /flag|mask|caps|addr|ptr|offset|modifier|iova|seqno_hi/i;

function formatNumber(value: number | bigint, hex: boolean): string {
  if (value >= 0 && value < 10 && !hex) return String(value);
  if (value < 0) return String(value);
  return hex || value > 0xffff_ffffn ? `0x${value.toString(16)}` : String(value);
}

function formatItems(field: Field & { kind: 'array' }, buf: Buffer, at: number): string {
  const { element } = field;
  const stride = element.size;
  const room = stride === 0 ? 0 : Math.max(0, Math.floor((buf.length - at) / stride));
  const count = field.flexible ? room : field.length;
  const items: string[] = [];
  for (let i = 0; i < Math.min(count, MAX_ITEMS); i++) {
    items.push(formatValue({ ...element, name: field.name }, buf, at + i * stride));
  }
  if (count > MAX_ITEMS) items.push(`… ${count} in all`);
  return `[${items.join(',')}]`;
}

function formatValue(field: Field, buf: Buffer, at: number): string {
  if (at + field.size > buf.length) return '?';
  switch (field.kind) {
    case 'struct':
    case 'union':
      return `{${formatStruct(field.struct.fields, field.kind === 'union', buf, at)}}`;
    case 'array':
      return formatItems(field, buf, at);
    case 'chars':
      return JSON.stringify(codecOf(field).read(buf, at));
    case 'pointer':
    case 'unsigned':
    case 'signed':
    case 'bitfield': {
      const value = codecOf(field).read(buf, at);
      const isNumber = typeof value === 'number' || typeof value === 'bigint';
      const hex = field.kind === 'pointer' || HEX_NAME.test(field.name);
      return isNumber ? formatNumber(value, hex) : '?';
    }
  }
}

/**
 * The members as 'name=value', on one line; members of a union are parted by '|'. Members beyond
 * the end of a buffer that is too short are shown as '?'.
 */
export function formatStruct(
  fields: readonly Field[],
  union: boolean,
  buf: Buffer,
  at: number,
): string {
  return fields
    .map((field) => {
      const value = formatValue(field, buf, at + field.offset);
      return field.name === '' ? value : `${field.name}=${value}`;
    })
    .join(union ? '|' : ' ');
}
