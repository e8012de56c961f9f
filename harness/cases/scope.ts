import type { ProviderFacts } from '../provider-facts.ts';
import type { Role } from './loaded-case.ts';
import type { Problem } from './problems.ts';
import type { Reply } from './reply.ts';
import type { JsonPath, SourceFile } from './source-file.ts';
import type { Kind } from './verbs.ts';

/** Where the parts of a step stand; paths are relative to the step. */
export type Locator = Pick<SourceFile, 'at' | 'atKey'>;

/** The locator of what lies at a path. */
export function below(locator: Locator, ...path: JsonPath): Locator {
  return {
    at: (rest) => locator.at([...path, ...rest]),
    atKey: (rest) => locator.atKey([...path, ...rest]),
  };
}

/** A value that a parameter takes, and where it is written. */
export interface ParameterValue {
  readonly value: string | number | boolean;
  readonly place: Locator;
}

/** What is known of a name before the case runs. */
export interface Entry {
  readonly kind: Kind;
  /** Of a record: its fields; absent when they are not known. */
  readonly fields?: readonly string[];
  /** Of an ioctl whose command is known. */
  readonly reply?: Reply;
  /** Of a session: its role, and who may drive it; absent when nothing is known. */
  readonly role?: Pick<Role, 'needs'> & { readonly name: string };
  readonly providers?: readonly ProviderFacts[];
  /** Of a buffer or a fence: the session that it belongs to, and whether another driver made it. */
  readonly owner?: Entry;
  readonly imported?: boolean;
  readonly values?: readonly ParameterValue[];
}

/** The names that a step can refer to. */
export class Scope {
  readonly #names = new Map<string, Entry>();
  readonly #parameters = new Map<string, readonly ParameterValue[]>();
  readonly #parent: Scope | undefined;
  /** Names that were referred to, in this scope and those below it. */
  readonly used: Set<string>;

  constructor(parent?: Scope, used: Set<string> = parent?.used ?? new Set()) {
    this.#parent = parent;
    this.used = used;
  }

  add(name: string, entry: Entry): void {
    this.#names.set(name, entry);
    if (entry.values !== undefined) this.#parameters.set(name, entry.values);
  }

  get(name: string): Entry | undefined {
    return this.#names.get(name) ?? this.#parent?.get(name);
  }

  get names(): string[] {
    return [...(this.#parent?.names ?? []), ...this.#names.keys()];
  }

  /** Parameters by name: they are added first, and no scope below has others. */
  get parameters(): ReadonlyMap<string, readonly ParameterValue[]> {
    return this.#parent?.parameters ?? this.#parameters;
  }
}

/** Collects problems with the place where they are. */
export class Blame {
  readonly problems: Problem[];
  readonly #place: Locator;
  readonly #prefix: () => string;

  /** @param prefix what messages start with */
  constructor(problems: Problem[], place: Locator, prefix = () => '') {
    this.problems = problems;
    this.#place = place;
    this.#prefix = prefix;
  }

  /** Something is wrong with the value at a path. */
  value(path: JsonPath, text: string): void {
    this.problems.push({ ...this.#place.at(path), text: this.#prefix() + text });
  }

  /** Something is wrong with the key at the end of a path. */
  key(path: JsonPath, text: string): void {
    this.problems.push({ ...this.#place.atKey(path), text: this.#prefix() + text });
  }

  below(...path: JsonPath): Blame {
    return new Blame(this.problems, below(this.#place, ...path), this.#prefix);
  }

  /** The line that a problem with all of this is reported at. */
  get line(): number {
    return this.#place.at([]).line;
  }
}
