/** A type as spelled: what is left of the dimensions, and those. */
export interface TypeText {
  /** Without const and volatile: '__u32', 'struct drm_clip_rect', 'char *'. */
  readonly base: string;
  readonly pointer: boolean;
  /** Outermost first; 0 for [] and [0]. */
  readonly dimensions: readonly number[];
}

/** True if a spelling stands for a struct, union or enum without a name. */
export function isUnnamed(base: string): boolean {
  return /\((anonymous|unnamed)\b/.test(base);
}

/** Takes apart a type that clang printed. Relies on C's syntax for abstract declarators only. */
export function parseType(spelling: string): TypeText {
  const plain = spelling.replace(/\b(?:const|volatile|restrict)\b/g, '').replace(/\s+/g, ' ');
  const trimmed = plain.trim();
  if (isUnnamed(trimmed)) {
    // the rest of the spelling is a place in the file, which is not to be part of the type
    const [tag = ''] = trimmed.split(' ');
    const rest = trimmed.slice(trimmed.lastIndexOf(')') + 1);
    const pointer = rest.includes('*');
    return { base: `${tag} (unnamed)`, pointer, dimensions: dimensionsOf(rest) };
  }
  if (trimmed.includes('(*')) return { base: trimmed, pointer: true, dimensions: [] };
  const [, base = trimmed, rest = ''] = /^(.*?)\s*((?:\[\d*\])*)$/.exec(trimmed) ?? [];
  return { base, pointer: base.endsWith('*'), dimensions: dimensionsOf(rest) };
}

function dimensionsOf(text: string): number[] {
  return [...text.matchAll(/\[(\d*)\]/g)].map(([, length = '']) => Number(length));
}
