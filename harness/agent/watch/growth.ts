/** Comparing numbers by name, before and after. */

export interface Growth {
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

/** What is more than it was; a name that is new was zero. */
export function grown(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): readonly Growth[] {
  return [...after].flatMap(([name, count]) => {
    const was = before.get(name) ?? 0;
    return count > was ? [{ name, before: was, after: count }] : [];
  });
}
