import type { AnyStruct, Field } from './description.ts';
import { socketAddressText } from './socket-address.ts';

/** Members that hold a socket address. */
export function isAddressField(field: Field): boolean {
  return (
    field.kind === 'struct' &&
    (field.struct.name === 'sockaddr_in6' || field.struct.name === '__kernel_sockaddr_storage')
  );
}

/** A decoded struct, socket addresses as text. */
export function decodeCm(struct: AnyStruct, bytes: Buffer): Record<string, unknown> {
  const decoded: Record<string, unknown> = { ...struct.decode(bytes) };
  for (const field of struct.fields) {
    if (isAddressField(field))
      decoded[field.name] = socketAddressText(struct.bytes(bytes, field.name));
  }
  return decoded;
}
