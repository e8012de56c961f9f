/** Six bytes; throws RangeError where the text is no MAC address. */
export function macBytes(text: string): Buffer {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) {
    throw new RangeError(`'${text}' is no MAC address`);
  }
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}
