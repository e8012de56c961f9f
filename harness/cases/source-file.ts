import type { DocumentNode, MemberNode, ObjectNode, ValueNode } from '@humanwhocodes/momoa';
import { parse } from '@humanwhocodes/momoa';
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

/** Adds what is wrong with the text to `problems`; undefined when it is not JSON at all. */
export function parseSource(
  file: string,
  text: string,
  problems: Problem[],
): SourceFile | undefined {
  const document = parseText(file, text, problems);
  if (document === undefined) return undefined;
  for (const { node, name } of duplicateKeys(document.body)) {
    const { line, column } = node.loc.start;
    const mend = 'one of the two would be ignored; remove or rename it';
    problems.push({ file, line, column, text: `'${name}' stands twice in one object; ${mend}` });
  }
  return sourceFile(file, JSON.parse(text), () => document);
}

/**
 * The same for files that are nearly always right: positions cost only when they are asked for, and
 * keys that stand twice are not noticed.
 */
export function parseQuickly(
  file: string,
  text: string,
  problems: Problem[],
): SourceFile | undefined {
  try {
    return sourceFile(file, JSON.parse(text), () => parse(text));
  } catch {
    return parseSource(file, text, problems);
  }
}

function sourceFile(file: string, value: unknown, document: () => DocumentNode): SourceFile {
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

function parseText(file: string, text: string, problems: Problem[]): DocumentNode | undefined {
  try {
    return parse(text);
  } catch (error) {
    if (!isLocated(error)) throw error;
    const { line, column } = error;
    const what = error.message.replace(/ ?\(\d+:\d+\)\.?$/, '').replace(/ found\.?$/, '');
    problems.push({ file, line, column, text: `not JSON: ${what}` });
    return undefined;
  }
}

function isLocated(error: unknown): error is Error & { line: number; column: number } {
  return error instanceof Error && 'line' in error && 'column' in error;
}

function memberName(member: MemberNode): string {
  return member.name.type === 'String' ? member.name.value : member.name.name;
}

function* duplicateKeys(node: ValueNode): Generator<{ node: MemberNode; name: string }> {
  if (node.type === 'Array') {
    for (const { value } of node.elements) yield* duplicateKeys(value);
  }
  if (node.type !== 'Object') return;
  const seen = new Set<string>();
  for (const member of node.members) {
    const name = memberName(member);
    if (seen.has(name)) yield { node: member, name };
    seen.add(name);
    yield* duplicateKeys(member.value);
  }
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
