/** A command that the device refuses. Its driver tells no reason from another: all are EIO. */
export class Refusal extends Error {
  override name = 'Refusal';
}

/** @throws Refusal unless the condition holds */
export function must(condition: boolean, why: string): void {
  if (!condition) throw new Refusal(why);
}

/** The object with that number. @throws Refusal where there is none */
export function mustFind<T>(item: T | undefined, what: string): T {
  if (item !== undefined) return item;
  throw new Refusal(`there is no ${what}`);
}

/** @throws Refusal while others need it */
export function mustBeIdle({ users }: { readonly users: number }, what: string): void {
  must(users === 0, `${what} has ${users} users`);
}
