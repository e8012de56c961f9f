import type { ErrorObject } from 'ajv';
import { hint } from './problems.ts';
import type { JsonPath } from './source-file.ts';

/** A violation of a schema, in words. `key` tells that the name at the end of the path is wrong. */
export interface SchemaProblem {
  readonly path: JsonPath;
  readonly key: boolean;
  readonly text: string;
}

/**
 * What ajv found, with one message for each thing that an author has to mend: of the branches of an
 * `anyOf` only what is inside the value is reported, else what the value as a whole may be.
 */
export function schemaProblems(errors: readonly ErrorObject[]): SchemaProblem[] {
  const unions = errors.filter((error) => error.keyword === 'anyOf');
  const badNames = errors.filter((error) => error.keyword === 'propertyNames');
  const isAboutName = (error: ErrorObject, other: ErrorObject) =>
    error.instancePath === other.instancePath && error.data === other.params['propertyName'];
  const isDeeper = (error: ErrorObject, union: ErrorObject) =>
    error.instancePath.startsWith(`${union.instancePath}/`);
  const kept = errors.filter((error) => {
    if (error.keyword === 'anyOf') return !errors.some((other) => isDeeper(other, error));
    if (badNames.some((other) => other !== error && isAboutName(error, other))) return false;
    return !unions.some((union) => union.instancePath === error.instancePath);
  });
  return kept.map(toProblem);
}

function toProblem(error: ErrorObject): SchemaProblem {
  const path = pathOf(error.instancePath);
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(error.params['additionalProperty']);
      return { path: [...path, name], key: true, text: unknownKey(name, error) };
    }
    case 'propertyNames': {
      const name = String(error.params['propertyName']);
      return { path: [...path, name], key: true, text: `'${name}' is not ${NAME}` };
    }
    default:
      return { path, key: false, text: textOf(error, path) };
  }
}

const NAME = 'a name: letters and digits, a lower-case letter first';

function unknownKey(name: string, error: ErrorObject): string {
  const properties: Readonly<Record<string, unknown>> = error.parentSchema?.['properties'] ?? {};
  const kind = 'alloc' in properties ? 'verb or key' : 'key';
  const known = Object.keys(properties);
  if (known.length === 0) return `unknown key '${name}'; there is none here, write {}`;
  return `unknown ${kind} '${name}'; ${hint(name, known)}`;
}

function textOf(error: ErrorObject, path: JsonPath): string {
  const { params, data, parentSchema } = error;
  const owner = path.findLast((part) => typeof part === 'string') ?? 'the file';
  switch (error.keyword) {
    case 'required':
      return `'${owner}' needs '${params['missingProperty']}'`;
    case 'enum':
      return `${show(data)} is not known here; ${hint(String(data), params['allowedValues'])}`;
    case 'type':
      return `${show(data)} is not of the type ${[params['type']].flat().join(' or ')}`;
    case 'minLength':
    case 'maxLength':
    case 'pattern':
    case 'anyOf':
      return `${show(data)} is not ${parentSchema?.['description'] ?? 'of the form wanted here'}`;
    case 'minItems':
    case 'minProperties':
      return `'${owner}' needs at least ${params['limit']}`;
    case 'maxItems':
      return `'${owner}' takes at most ${params['limit']}`;
    case 'uniqueItems':
      return `items ${params['j']} and ${params['i']} of '${owner}' are the same; remove one`;
    default:
      return `${show(data)} ${error.message ?? `breaks '${error.keyword}'`}`;
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  return typeof value === 'object' && value !== null
    ? Array.isArray(value)
      ? 'a list'
      : 'an object'
    : String(value);
}

/** `/cases/0/steps` as a path; numbers are indices, since no key of ours is a number. */
function pathOf(pointer: string): JsonPath {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
