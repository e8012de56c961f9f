import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { projectRoot } from '../../uapi/project-root.ts';
import type { CaseText } from './case-files.ts';
import { type Problem, throwProblems } from './problems.ts';
import { schemaProblems } from './schema-problems.ts';
import { parseSource, type SourceFile } from './source-file.ts';
import { type Rule, validators } from './validators.ts';

export type { Rule };

/**
 * The rule catalogue of this tree, by id.
 *
 * @throws UsageError that lists what is wrong with the files
 */
export function loadRules(): ReadonlyMap<string, Rule> {
  const root = projectRoot();
  return readRules(join(root, RULES), root);
}

/** The files of the catalogue as they are; `id` is their name. */
export function ruleTexts(): readonly CaseText[] {
  const root = projectRoot();
  return readTexts(join(root, RULES), root);
}

const RULES = 'cases/rules';

function readTexts(folder: string, base: string): CaseText[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => {
    const path = join(folder, name);
    return { id: name, file: relative(base, path), text: readFileSync(path, 'utf8') };
  });
}

/** The catalogue in a folder; `base` is what messages are relative to. */
export function readRules(folder: string, base: string): ReadonlyMap<string, Rule> {
  const problems: Problem[] = [];
  const rules = new Map<string, Rule>();
  for (const { id: name, file, text } of readTexts(folder, base)) {
    const source = parseSource(file, text, problems);
    if (source === undefined) continue;
    const area = name.slice(0, -'.json'.length).toUpperCase();
    for (const [index, rule] of rulesOf(source, problems).entries()) {
      const blame = (text: string) => problems.push({ ...source.at([index, 'id']), text });
      if (!rule.id.startsWith(`${area}-`)) {
        blame(`'${rule.id}' belongs into another file than ${name}`);
      }
      if (rules.has(rule.id)) blame(`'${rule.id}' is taken; ids are never used again`);
      rules.set(rule.id, rule);
    }
  }
  throwProblems(problems);
  return rules;
}

function rulesOf(source: SourceFile, problems: Problem[]): readonly Rule[] {
  const validate = validators().rules;
  if (validate(source.value)) return source.value;
  for (const { path, key, text } of schemaProblems(validate.errors ?? [])) {
    problems.push({ ...(key ? source.atKey(path) : source.at(path)), text });
  }
  return [];
}
