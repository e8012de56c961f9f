import { pageSize } from '../../uapi/sys-memory.ts';
import { evaluateSize, parseSize } from '../size.ts';
import { CaseDefect, type Fields, fieldsOf, type Scalar, type Value } from './values.ts';

/** The names that a step can refer to: parameters, and what earlier steps made. */
export class Scope {
  readonly #names = new Map<string, Value | Scalar>();
  readonly #parent: Scope | undefined;

  constructor(parent?: Scope) {
    this.#parent = parent;
  }

  set(name: string, value: Value | Scalar): void {
    this.#names.set(name, value);
  }

  get(name: string): Value | Scalar {
    const value = this.#names.get(name) ?? this.#parent?.get(name);
    if (value === undefined) throw new CaseDefect(`nothing is named ${name}`);
    return value;
  }

  /** Names of RDMA objects that a step destroyed. */
  destroyed(): readonly string[] {
    const here = [...this.#names].flatMap(([name, value]) =>
      typeof value === 'object' && value.kind === 'rdma' && value.life.destroyed ? name : [],
    );
    return [...(this.#parent?.destroyed() ?? []), ...here];
  }

  /** What `$name` or `$name.field` stands for. */
  resolve(reference: string): Value | Scalar {
    const { name, path } = partsOf(reference);
    const value = this.get(name);
    if (path.length === 0) return value;
    if (typeof value !== 'object')
      throw new CaseDefect(`${name} is a plain value, not ${reference}`);
    return fieldAt(fieldsOf(value), path, reference);
  }

  /** A value of one of these kinds. */
  value<K extends Value['kind']>(reference: string, ...kinds: readonly K[]): Value & { kind: K } {
    const value = this.resolve(reference);
    if (typeof value === 'object' && (kinds as readonly string[]).includes(value.kind)) {
      return value as Value & { kind: K };
    }
    throw new CaseDefect(`${reference} is not a ${kinds.join(' or ')}`);
  }

  /** A literal, or the plain value that a reference stands for. */
  scalar<T extends Scalar>(literal: T): Scalar {
    if (typeof literal !== 'string' || !literal.startsWith('$')) return literal;
    const value = this.resolve(literal);
    if (typeof value === 'object')
      throw new CaseDefect(`${literal} is a ${value.kind}, not a plain value`);
    return value;
  }

  /** Bytes: a number, or a sum of terms such as `$buffer.size+page`. */
  size(text: number | string): bigint {
    if (typeof text === 'number') return BigInt(text);
    const lookup = (reference: string): bigint => {
      const value = this.scalar(reference.startsWith('$') ? reference : `$${reference}`);
      if (typeof value === 'string') return this.size(value);
      if (typeof value === 'boolean') throw new CaseDefect(`${reference} is not a size`);
      return BigInt(value);
    };
    return evaluateSize(termsOf(text), lookup, pageSize());
  }
}

interface Parts {
  readonly name: string;
  readonly path: readonly string[];
}

const partsOf = remembered((reference): Parts => {
  const [name = '', ...path] = reference.replace(/^\$/, '').replaceAll('[', '.').split('.');
  return { name, path };
});

const termsOf = remembered(parseSize);

/** What cases write is read once: few texts, asked for at every step. */
function remembered<T>(read: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    let value = known.get(text);
    if (value === undefined) {
      value = read(text);
      known.set(text, value);
    }
    return value;
  };
}

function fieldAt(fields: Fields, path: readonly string[], reference: string): Scalar {
  let at: Fields[string] = fields;
  for (const part of path) {
    const name = part.replace(/\]$/, '');
    if (typeof at !== 'object') throw new CaseDefect(`${reference}: nothing below ${name}`);
    const next: Fields[string] | undefined = (at as Fields)[name];
    if (next === undefined) {
      throw new CaseDefect(`${reference}: there are only ${Object.keys(at).join(', ')}`);
    }
    at = next;
  }
  if (typeof at === 'object') throw new CaseDefect(`${reference} is not a plain value`);
  return at;
}
