import type { Device } from '../contract.ts';

/** `rxe0` of `rdma@rxe0` */
export function ibdevOf({ address }: Device): string {
  return address.slice(address.indexOf('@') + 1);
}
