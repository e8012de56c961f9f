import { type Compiler, mustClang, type Width } from './clang.ts';
import { type HeaderTree, headerName } from './header-tree.ts';

export interface Place {
  /** Undefined outside the header tree (clang's own headers). */
  readonly header: string | undefined;
  readonly line: number;
}

export interface Macro {
  readonly name: string;
  readonly functionLike: boolean;
  readonly body: string;
  readonly place: Place;
}

/**
 * A header and all that it includes, as one text. Offsets are bytes (text is Latin-1), the same in
 * `source` and `declarations`, so that one file holds everything that a syntax tree points into.
 */
export interface Preprocessed {
  /** Declarations and #define lines. */
  readonly source: string;
  /** The same with the #define lines blanked. */
  readonly declarations: string;
  readonly macros: ReadonlyMap<string, Macro>;
  placeAt(offset: number): Place;
}

interface Line {
  readonly start: number;
  readonly place: Place;
}

/**
 * Included before every header.
 * linux/compiler_types.h: our shim; a bare source tree has __user, but not what defines it.
 * linux/fcntl.h: macros such as DRM_CLOEXEC are O_CLOEXEC, which the C library would define.
 * linux/ioctl.h: misc/uacce/hisi_qm.h uses _IOWR and does not include it.
 */
export const PRELUDE = `#include <linux/compiler_types.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>
`;

const MARKER = /^# (\d+) "((?:[^"\\]|\\.)*)"/;
const DEFINE = /^#define (\w+)(\([^)]*\))?(?: (.*))?$/;

function toMacro(text: string, place: Place): Macro | undefined {
  const [, name, parameters, body = ''] = DEFINE.exec(text) ?? [];
  if (name === undefined) return undefined;
  return { name, functionLike: parameters !== undefined, body: body.trim(), place };
}

function placeFinder(lines: readonly Line[]): (offset: number) => Place {
  return (offset) => {
    let low = 0;
    let high = lines.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((lines[middle]?.start ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return lines[low]?.place ?? { header: undefined, line: 0 };
  };
}

/**
 * Preprocesses `#include <header>` and keeps where each line and macro came from.
 * Relies on `clang -E -dD`: '# line "file"' markers, and #define/#undef lines in their place.
 */
export function preprocess(
  compiler: Compiler,
  tree: HeaderTree,
  header: string,
  width: Width,
): Preprocessed {
  const what = `preprocessing ${header}`;
  const include = `${PRELUDE}#include <${header}>\n`;
  const output = mustClang(compiler, width, ['-E', '-dD'], include, what).toString('latin1');

  const macros = new Map<string, Macro>();
  const lines: Line[] = [];
  const source: string[] = [];
  const declarations: string[] = [];
  let start = 0;
  let builtin = true;
  let place: Place = { header: undefined, line: 0 };
  for (const text of output.split('\n')) {
    const [, number, path] = MARKER.exec(text) ?? [];
    if (number !== undefined && path !== undefined) {
      builtin = path.startsWith('<');
      place = { header: headerName(tree, path), line: Number(number) };
      continue;
    }
    const directive = text.startsWith('#');
    if (!(directive && builtin)) {
      const macro = directive ? toMacro(text, place) : undefined;
      if (macro) macros.set(macro.name, macro);
      else if (text.startsWith('#undef ')) macros.delete(text.slice('#undef '.length).trim());
      lines.push({ start, place });
      source.push(text);
      declarations.push(directive ? ' '.repeat(text.length) : text);
      start += text.length + 1;
    }
    place = { header: place.header, line: place.line + 1 };
  }
  return {
    source: source.join('\n'),
    declarations: declarations.join('\n'),
    macros,
    placeAt: placeFinder(lines),
  };
}
