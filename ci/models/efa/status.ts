import {
  EFA_ADMIN_ILLEGAL_PARAMETER,
  EFA_ADMIN_RESOURCE_ALLOCATION_FAILURE,
  EFA_ADMIN_RESOURCE_BUSY,
} from './headers/efa-admin-defs.ts';

/** An admin command that the device refuses, with a status of efa_admin_aq_completion_status. */
export class AdminRefusal extends Error {
  override name = 'AdminRefusal';
  readonly status: number;

  constructor(status: number, why: string) {
    super(why);
    this.status = status;
  }
}

/** @throws AdminRefusal unless the condition holds */
export function must(condition: boolean, why: string): void {
  if (!condition) throw new AdminRefusal(EFA_ADMIN_ILLEGAL_PARAMETER, why);
}

/** The object with that number. @throws AdminRefusal where there is none */
export function mustFind<T>(item: T | undefined, what: string): T {
  if (item !== undefined) return item;
  throw new AdminRefusal(EFA_ADMIN_ILLEGAL_PARAMETER, `there is no ${what}`);
}

/** The number of a new object. @throws AdminRefusal where there is no room */
export function mustFit<T>(item: T | undefined, what: string): T {
  if (item !== undefined) return item;
  throw new AdminRefusal(EFA_ADMIN_RESOURCE_ALLOCATION_FAILURE, `no room for another ${what}`);
}

/** @throws AdminRefusal while others need it */
export function mustBeIdle({ users }: { readonly users: number }, what: string): void {
  if (users > 0) throw new AdminRefusal(EFA_ADMIN_RESOURCE_BUSY, `${what} has ${users} users`);
}
