/**
 * A buffer that jobs work on is a surface of 32-bit pixels whose row is a page. A range of bytes is
 * then one to three rectangles: the rest of a row, whole rows, the beginning of a row.
 */
export const PIXEL_BYTES = 4n;
export const ROW_BYTES = 4096n;
const ROW_PIXELS = Number(ROW_BYTES / PIXEL_BYTES);

/** In pixels; `right` and `bottom` are the first ones outside. */
export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A rectangle and where its content comes from, of the same size. */
export interface Move {
  readonly target: Rect;
  readonly source: Rect;
}

/** The rectangles of a range; offset and size in bytes, both multiples of a pixel. */
export function rectsOf(offset: bigint, size: bigint): readonly Rect[] {
  const first = Number(offset / PIXEL_BYTES);
  const end = first + Number(size / PIXEL_BYTES);
  const rects: Rect[] = [];
  for (let at = first; at < end; ) {
    const left = at % ROW_PIXELS;
    const top = Math.floor(at / ROW_PIXELS);
    const rows = left === 0 ? Math.max(1, Math.floor((end - at) / ROW_PIXELS)) : 1;
    const right = Math.min(ROW_PIXELS, left + (end - at));
    rects.push({ left, top, right, bottom: top + rows });
    at += (right - left) * rows;
  }
  return rects;
}

/**
 * The moves of a copy, up to two for each rectangle of the target: where the columns of source and
 * target differ, the content of a row of the target stands in two rows of the source.
 */
export function movesOf(sourceOffset: bigint, targetOffset: bigint, size: bigint): readonly Move[] {
  const shift = Number((sourceOffset - targetOffset) / PIXEL_BYTES);
  const rows = Math.floor(shift / ROW_PIXELS);
  const columns = shift - rows * ROW_PIXELS;
  const wrap = ROW_PIXELS - columns;
  return rectsOf(targetOffset, size).flatMap((rect) => [
    ...moveOf({ ...rect, right: Math.min(rect.right, wrap) }, columns, rows),
    ...moveOf({ ...rect, left: Math.max(rect.left, wrap) }, columns - ROW_PIXELS, rows + 1),
  ]);
}

function moveOf(target: Rect, columns: number, rows: number): readonly Move[] {
  if (target.left >= target.right) return [];
  const source = {
    left: target.left + columns,
    top: target.top + rows,
    right: target.right + columns,
    bottom: target.bottom + rows,
  };
  return [{ target, source }];
}
