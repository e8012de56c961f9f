import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ValidateFunction } from 'ajv';
import type { Ajv2020 } from 'ajv/dist/2020.js';
import type { Step, TopicFile } from '../../cases/types.gen.ts';
import { projectRoot } from '../../uapi/project-root.ts';

/** A conformance rule as cases/rules/ has it. */
export interface Rule {
  readonly id: string;
  readonly title: string;
  readonly area: string;
  readonly scope: string;
  readonly expect: string;
  readonly source: string;
  readonly exceptions: string;
  /** The core of it was seen on a running kernel when it was written down. */
  readonly live: boolean;
}

/** Steps that several cases start with, and the defaults of their parameters. */
export interface Fixture {
  readonly title: string;
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
  readonly steps: readonly Step[];
}

/** The schemas of cases/, compiled. */
export interface Validators {
  readonly topic: ValidateFunction<TopicFile>;
  readonly step: ValidateFunction<Step>;
  readonly fixture: ValidateFunction<Fixture>;
  readonly rules: ValidateFunction<readonly Rule[]>;
}

/** What each validator checks, as ajv addresses it. */
export const VALIDATOR_REFS: Readonly<Record<keyof Validators, string>> = {
  topic: 'https://uapi-conform.invalid/case.schema.json',
  step: 'https://uapi-conform.invalid/case.schema.json#/$defs/step',
  fixture: 'https://uapi-conform.invalid/fixture.schema.json',
  rules: 'https://uapi-conform.invalid/rules.schema.json',
};

/** Where generate.ts puts the compiled schemas. Compiling them takes longer than all else. */
export const COMPILED = fileURLToPath(new URL('validators.gen.cjs', import.meta.url));

const require = createRequire(import.meta.url);
let loaded: Validators | undefined;

/** The compiled schemas: from the build if they are those of this tree, else compiled now. */
export function validators(): Validators {
  loaded ??= fromBuild() ?? compiled();
  return loaded;
}

function fromBuild(): Validators | undefined {
  if (!existsSync(COMPILED)) return undefined;
  const module = require(COMPILED) as Validators & { readonly schemas: string };
  return module.schemas === schemasHash() ? module : undefined;
}

function compiled(): Validators {
  const ajv = makeAjv(false);
  const get = <T>(name: keyof Validators): ValidateFunction<T> => {
    const validate = ajv.getSchema<T>(VALIDATOR_REFS[name]);
    if (validate === undefined) throw new Error(`no schema ${VALIDATOR_REFS[name]}`);
    return validate as ValidateFunction<T>;
  };
  return { topic: get('topic'), step: get('step'), fixture: get('fixture'), rules: get('rules') };
}

/** An ajv that knows the schemas. Functions stay functions: with inlining they compile twice as slow. */
export function makeAjv(source: boolean): Ajv2020 {
  const module = require('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js');
  const ajv = new module.Ajv2020({
    strict: true,
    strictRequired: false,
    allErrors: true,
    discriminator: true,
    verbose: true,
    allowUnionTypes: true,
    inlineRefs: false,
    code: { source, optimize: false },
  });
  for (const text of schemaTexts()) ajv.addSchema(JSON.parse(text));
  return ajv;
}

/** Tells whether compiled schemas are those of this tree and of this way to compile them. */
export function schemasHash(): string {
  const hash = createHash('sha256').update(readFileSync(fileURLToPath(import.meta.url)));
  for (const text of schemaTexts()) hash.update(text);
  return hash.digest('hex');
}

function schemaTexts(): string[] {
  const cases = join(projectRoot(), 'cases');
  return ['case', 'fixture', 'rules'].map((name) =>
    readFileSync(join(cases, `${name}.schema.json`), 'utf8'),
  );
}
