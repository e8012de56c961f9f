/**
 * The text format of expectation files: a line with an id pattern, below it indented `key: value`
 * lines, deeper indented lines that continue a value, and `#` comments on lines of their own. Which
 * keys there are and what they mean is the business of `expectation-entry.ts`.
 */
import { nearestFirst } from '../uapi/nearest.ts';

export interface FileEntry {
  readonly pattern: string;
  readonly line: number;
  /** Of the last line that belongs to it. */
  readonly endLine: number;
  readonly values: ReadonlyMap<string, FileValue>;
}

export interface FileValue {
  readonly text: string;
  readonly line: number;
}

export interface FileProblem {
  readonly line: number;
  readonly message: string;
}

export interface ParsedFile {
  readonly entries: readonly FileEntry[];
  readonly problems: readonly FileProblem[];
}

/** Parses a whole file; what is wrong with it is listed, not thrown. */
export function parseExpectationFile(text: string, knownKeys: readonly string[]): ParsedFile {
  const parser = new Parser(knownKeys);
  for (const [index, line] of text.split('\n').entries()) parser.line(line, index + 1);
  return parser;
}

interface OpenEntry {
  readonly pattern: string;
  readonly line: number;
  endLine: number;
  readonly values: Map<string, FileValue>;
  /** Indentation of its keys, once the first one was seen. */
  keyIndent?: number;
  lastKey?: string;
}

function open(pattern: string, line: number): OpenEntry {
  return { pattern, line, endLine: line, values: new Map() };
}

class Parser implements ParsedFile {
  readonly entries: OpenEntry[] = [];
  readonly problems: FileProblem[] = [];
  readonly #knownKeys: readonly string[];

  constructor(knownKeys: readonly string[]) {
    this.#knownKeys = knownKeys;
  }

  line(raw: string, line: number): void {
    const text = raw.trim();
    if (text === '' || text.startsWith('#')) return;
    const indent = raw.length - raw.trimStart().length;
    if (indent === 0) this.entries.push(open(text, line));
    else this.#indented(text, indent, line);
  }

  #indented(text: string, indent: number, line: number): void {
    const entry = this.entries.at(-1);
    if (!entry) {
      this.#blame(line, `'${text}' is indented, but no entry stands above it`);
      return;
    }
    entry.endLine = line;
    entry.keyIndent ??= indent;
    if (indent > entry.keyIndent && entry.lastKey) this.#continue(entry, entry.lastKey, text);
    else if (indent === entry.keyIndent) this.#key(entry, text, line);
    else this.#blame(line, `indent this line like the other keys of '${entry.pattern}'`);
  }

  #key(entry: OpenEntry, text: string, line: number): void {
    const [, key, value] = /^([A-Za-z-]+):\s*(.*)$/.exec(text) ?? [];
    if (key === undefined || value === undefined) {
      this.#blame(line, `expected 'key: value', found '${text}'`);
    } else if (!this.#knownKeys.includes(key)) {
      const [likely] = nearestFirst(key, this.#knownKeys);
      this.#blame(line, `unknown key '${key}'; did you mean '${likely}'?`);
    } else if (entry.values.has(key)) {
      this.#blame(line, `'${key}' stands twice in the entry '${entry.pattern}'`);
    } else {
      entry.values.set(key, { text: value, line });
    }
    // Also behind a bad key, so that its continuation is not blamed too.
    entry.lastKey = key ?? text;
  }

  #continue(entry: OpenEntry, key: string, text: string): void {
    const value = entry.values.get(key);
    if (value) entry.values.set(key, { ...value, text: `${value.text} ${text}`.trim() });
  }

  #blame(line: number, message: string): void {
    this.problems.push({ line, message });
  }
}
