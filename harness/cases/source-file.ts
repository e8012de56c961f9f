import { createRequire } from 'node:module';
import type { DocumentNode, MemberNode, ObjectNode, ValueNode } from '@humanwhocodes/momoa';
import type { Position, Problem } from './problems.ts';

/** Where a value is in JSON: `['cases', 0, 'steps']`. */
export type JsonPath = readonly (string | number)[];

/** A JSON file that knows where its values stand. */
export interface SourceFile {
  /** As messages show it. */
  readonly file: string;
  readonly value: unknown;
  /** Where the value at a path starts; where the path leads nowhere, the nearest value above. */
  at(path: JsonPath): Position;
  /** Where the key of a member stands, for problems with the name itself. */
  atKey(path: JsonPath): Position;
}

const require = createRequire(import.meta.url);

/** Loaded when there is something to point at. */
function parse(text: string): DocumentNode {
  const momoa = require('@humanwhocodes/momoa') as typeof import('@humanwhocodes/momoa');
  return momoa.parse(text);
}

/**
 * Reads JSON. The syntax tree, which knows positions, takes longer than all other checks together,
 * so it is only made when there is something to point at.
 *
 * @returns undefined, and adds to `problems`, when the text is not JSON
 */
export function parseSource(
  file: string,
  text: string,
  problems: Problem[],
): SourceFile | undefined {
  try {
    return readSource(file, text, problems);
  } catch (error) {
    // Both parsers call themselves for each level.
    if (!(error instanceof RangeError)) throw error;
    problems.push({ file, text: 'nested too deep to be read' });
    return undefined;
  }
}

function readSource(file: string, text: string, problems: Problem[]): SourceFile | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    problems.push(syntaxProblem(file, text));
    return undefined;
  }
  if (countKeys(text) !== countMembers(value)) {
    problems.push(...repeatedKeys(parse(text).body).map((member) => repeated(file, member)));
  }
  return sourceFile(file, value, text);
}

/** How many keys valid JSON has: strings with a colon behind them. */
function countKeys(text: string): number {
  let count = 0;
  for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) if (colon) count++;
  return count;
}

/** How many of them JSON.parse kept. */
function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const items = Object.values(value);
  const inner = items.reduce<number>((sum, item) => sum + countMembers(item), 0);
  return Array.isArray(value) ? inner : items.length + inner;
}

function repeated(file: string, member: MemberNode): Problem {
  const { line, column } = member.loc.start;
  const what = `'${memberName(member)}' stands twice in one object`;
  const text = `${what}; one of the two would be ignored; remove or rename it`;
  return { file, line, column, text };
}

function sourceFile(file: string, value: unknown, text: string): SourceFile {
  let tree: DocumentNode | undefined;
  const document = () => {
    tree ??= parse(text);
    return tree;
  };
  const position = ({ loc: { start } }: { readonly loc: ValueNode['loc'] }): Position => {
    return { file, line: start.line, column: start.column };
  };
  return {
    file,
    value,
    at: (path) => position(nodeAt(document().body, path).value),
    atKey: (path) => {
      const { key, value } = nodeAt(document().body, path);
      return position(key ?? value);
    },
  };
}

/** What the parser that knows positions says of text that is not JSON. */
function syntaxProblem(file: string, text: string): Problem {
  if (text.startsWith('\ufeff')) {
    return {
      file,
      line: 1,
      column: 1,
      text: 'not JSON: a byte order mark; save it as plain UTF-8',
    };
  }
  try {
    parse(text);
  } catch (error) {
    if (!isLocated(error)) throw error;
    const { line, column } = error;
    const what = error.message.replace(/ ?\(\d+:\d+\)\.?$/, '').replace(/ found\.?$/, '');
    return { file, line, column, text: `not JSON: ${what}` };
  }
  return { file, text: 'not JSON' };
}

function isLocated(error: unknown): error is Error & { line: number; column: number } {
  return error instanceof Error && 'line' in error && 'column' in error;
}

function memberName(member: MemberNode): string {
  return member.name.type === 'String' ? member.name.value : member.name.name;
}

/** Members whose name an earlier one of the same object has. */
function repeatedKeys(node: ValueNode, found: MemberNode[] = []): MemberNode[] {
  if (node.type === 'Array') {
    for (const { value } of node.elements) repeatedKeys(value, found);
  } else if (node.type === 'Object') {
    const seen = new Set<string>();
    for (const member of node.members) {
      const name = memberName(member);
      if (seen.has(name)) found.push(member);
      seen.add(name);
      repeatedKeys(member.value, found);
    }
  }
  return found;
}

/** The value at a path and the key that it stands under, as far as the path leads. */
function nodeAt(root: ValueNode, path: JsonPath): { value: ValueNode; key?: MemberNode['name'] } {
  let value = root;
  let key: MemberNode['name'] | undefined;
  for (const part of path) {
    if (value.type === 'Array') {
      const element = value.elements[Number(part)];
      if (element === undefined) break;
      [value, key] = [element.value, undefined];
      continue;
    }
    const member = value.type === 'Object' ? memberNamed(value, String(part)) : undefined;
    if (member === undefined) break;
    [value, key] = [member.value, member.name];
  }
  return key === undefined ? { value } : { value, key };
}

/** The last of that name, which is the one that JSON.parse keeps. */
function memberNamed(node: ObjectNode, name: string): MemberNode | undefined {
  return node.members.findLast((member) => memberName(member) === name);
}
