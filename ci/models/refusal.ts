/**
 * What is wrong with a command, for devices that say it: `unsupported` is what this one does not do,
 * `opcode` what is no command of any.
 */
export type RefusalKind = 'parameter' | 'busy' | 'room' | 'unsupported' | 'opcode';

/** A command that the device refuses. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, why: string) {
    super(why);
    this.kind = kind;
  }
}

/** @throws Refusal unless the condition holds */
export function must(condition: boolean, why: string): void {
  if (!condition) throw new Refusal('parameter', why);
}

/** The object with that number. @throws Refusal where there is none */
export function mustFind<T>(item: T | undefined, what: string): T {
  if (item !== undefined) return item;
  throw new Refusal('parameter', `there is no ${what}`);
}

/** The number of a new object. @throws Refusal where there is no room */
export function mustFit<T>(item: T | undefined, what: string): T {
  if (item !== undefined) return item;
  throw new Refusal('room', `no room for another ${what}`);
}

/** @throws Refusal while others need it */
export function mustBeIdle({ users }: { readonly users: number }, what: string): void {
  if (users > 0) throw new Refusal('busy', `${what} has ${users} users`);
}
