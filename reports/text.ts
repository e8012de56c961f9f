/**
 * Text for reports. What a journal holds came from a kernel log, a console or a struct in memory:
 * it may hold any bytes, and no report may become invalid or move a terminal's cursor by them.
 */
import { stripVTControlCharacters } from 'node:util';

/**
 * Characters that no report may hold as they are: C0 and C1 controls but tab and newline, lone
 * surrogates, the two that XML 1.0 excludes, and the marks that reverse the order of what is shown.
 */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff]|\p{Surrogate}/gu;

/**
 * Text of several lines, safe in XML 1.0, on a terminal and in a mail: colour sequences are removed,
 * line ends are `\n`, every other unsafe character is shown as `\x1b` or `\u202e`.
 */
export function plainText(raw: string): string {
  return stripVTControlCharacters(raw)
    .replace(/\r+\n|\r/g, '\n')
    .replace(UNSAFE, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  const [mark, digits] = code < 0x100 ? ['x', 2] : ['u', 4];
  return `\\${mark}${code.toString(16).padStart(digits, '0')}`;
}

/** The same on one line, at most `limit` characters; a cut is marked by an ellipsis. */
export function oneLine(raw: string, limit = 300): string {
  // What is far beyond the limit is cut first: a console may be large.
  const line = plainText(raw.slice(0, limit * 4))
    .replace(/\s+/g, ' ')
    .trim();
  if (line.length <= limit && raw.length <= limit * 4) return line;
  const cut = line.slice(0, limit - 1);
  // A cut through a surrogate pair would leave half a character.
  return `${/\p{Surrogate}$/u.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/**
 * Text of at most about `limit` characters: three quarters from its begin and one from its end, cut
 * at line ends, with a line between that says how much was left out. The journal keeps the whole.
 */
export function clipLines(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const head = text.slice(0, Math.floor(limit * 0.75));
  const tail = text.slice(text.length - Math.floor(limit * 0.25));
  const kept = [wholeHead(head), wholeTail(tail)] as const;
  const left = text.length - kept[0].length - kept[1].length;
  return `${kept[0]}\n[... ${left} characters left out; the journal holds them ...]\n${kept[1]}`;
}

/** A text made of one huge line is cut inside that line, but never inside a character. */
function wholeHead(head: string): string {
  const end = head.lastIndexOf('\n');
  return end > 0 ? head.slice(0, end) : head.replace(/\p{Surrogate}$/u, '');
}

function wholeTail(tail: string): string {
  const start = tail.indexOf('\n');
  return start >= 0 && start < tail.length - 1
    ? tail.slice(start + 1)
    : tail.replace(/^\p{Surrogate}/u, '');
}

/**
 * Breaks one line to `width` columns; what follows the first line is indented by `indent`. A word
 * that is longer than a line (a point id) is broken behind `/`, `@`, `]`, `,` or `=` where it can be.
 */
export function wrap(line: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let rest = line.trimEnd();
  while (rest.length > width) {
    const at = breakPoint(rest, width, lines.length === 0 ? 0 : indent.length);
    lines.push(rest.slice(0, at).trimEnd());
    rest = indent + rest.slice(at).trimStart();
  }
  lines.push(rest);
  return lines;
}

function breakPoint(text: string, width: number, indent: number): number {
  const lead = Math.max(indent, text.length - text.trimStart().length);
  const space = text.lastIndexOf(' ', width);
  if (space > lead) return space;
  for (let at = width; at > lead + width / 2; at--) {
    if ('/@],='.includes(text.charAt(at - 1))) return at;
  }
  return /[\ud800-\udbff]/.test(text.charAt(width - 1)) ? width - 1 : width;
}

/** `2026-11-21T10:00:00Z`: UTC without fractions, as report readers know it; undefined where it is no time. */
export function utcSeconds(time: string): string | undefined {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return undefined;
  return /^\d{4}-.{14}/.exec(date.toISOString())?.[0].concat('Z');
}
