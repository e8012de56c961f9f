import type { PointRecord } from './results.ts';

/** Longer ones are seldom the same twice. */
const MAX_CHARACTERS = 2000;
/** Enough for all cases of a suite; what comes beyond is not shared. */
const MAX_KNOWN = 20_000;

/** Values of one kind: equal ones become the same. */
class Pool<T> {
  readonly #known = new Map<string, T>();

  one(value: T): T {
    const key = typeof value === 'string' ? value : JSON.stringify(value);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size < MAX_KNOWN && key.length <= MAX_CHARACTERS) this.#known.set(key, value);
    return value;
  }
}

/**
 * Records of the same case, as they are parsed, hold the same texts in memory once each. This gives
 * them one, which for a run of many points saves most of it. Nobody changes a record, so equal parts
 * may be shared.
 */
export class Sharing {
  readonly #texts = new Pool<string>();
  readonly #rules = new Pool<PointRecord['rules']>();
  readonly #maps = new Pool<Readonly<Record<string, string>>>();
  readonly #counts = new Pool<Readonly<Record<string, number>>>();

  point(point: PointRecord): PointRecord {
    const { callCounts } = point;
    return {
      ...point,
      title: this.#texts.one(point.title),
      area: this.#texts.one(point.area),
      provider: this.#texts.one(point.provider),
      reproduce: this.#texts.one(point.reproduce),
      rules: this.#rules.one(point.rules),
      devices: this.#maps.one(point.devices),
      ...(callCounts && { callCounts: this.#counts.one(callCounts) }),
    };
  }
}
