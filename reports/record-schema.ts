import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type {
  CallText,
  DeviceRecord,
  EndRecord,
  JournalRecord,
  KernelLine,
  NoteRecord,
  PlanRecord,
  PointRecord,
  Refusal,
  RuleText,
  RunRecord,
  Shard,
  StartedRecord,
  StepFailure,
  TargetRecord,
} from './results.ts';
import { JOURNAL_VERSION, ON_TOP, SKIP_CLASSES, VERDICTS } from './results.ts';

type Schema = Readonly<Record<string, unknown>>;
type OptionalKey<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T];
type RequiredPart<T> = { readonly [K in Exclude<keyof T, OptionalKey<T>>]: Schema };
type OptionalPart<T> = { readonly [K in OptionalKey<T>]-?: Schema };

/**
 * A schema of T. The compiler refuses a forgotten or an unknown key, so the schemas cannot drift from
 * `results.ts`. Further keys are allowed: a newer writer may add some without a new version.
 */
function shape<T>(required: RequiredPart<T>, optional: OptionalPart<T>): Schema {
  return {
    type: 'object',
    required: Object.keys(required),
    properties: { ...required, ...optional },
  };
}

const text: Schema = { type: 'string' };
const count: Schema = { type: 'number', minimum: 0 };
const flag: Schema = { type: 'boolean' };
const is = (value: string | number): Schema => ({ const: value });
const listOf = (items: Schema): Schema => ({ type: 'array', items });
const mapOf = (values: Schema): Schema => ({ type: 'object', additionalProperties: values });

const rule = shape<RuleText>({ id: text, title: text, expect: text, source: text }, {});

const failure = shape<StepFailure>(
  { step: text, action: text, expected: text, actual: text },
  { decoded: text, hex: text, detail: text },
);

const refusal = shape<Refusal>(
  { by: { enum: ['importer', 'exporter', 'either'] }, errno: text, call: text },
  {},
);

const call = shape<CallText>(
  { command: text, result: text, durationUs: count },
  { input: text, output: text },
);

const kernelLine = shape<KernelLine>({ timeUs: count, level: count, text }, { sign: text });

const device = shape<DeviceRecord>(
  {
    address: text,
    provider: text,
    driver: text,
    node: text,
    capabilities: listOf(text),
    missing: mapOf(text),
    identity: mapOf(text),
  },
  {},
);

const point = shape<PointRecord>(
  {
    type: is('point'),
    id: text,
    title: text,
    area: text,
    rules: listOf(rule),
    devices: mapOf(text),
    provider: text,
    at: text,
    durationMs: count,
    verdict: { enum: VERDICTS },
    steps: count,
    reproduce: text,
  },
  {
    reason: text,
    also: listOf({ enum: ON_TOP }),
    skip: { enum: SKIP_CLASSES },
    refusal,
    failure,
    kernelLog: listOf(kernelLine),
    calls: listOf(call),
    callCounts: mapOf(count),
    investigation: text,
    console: text,
  },
);

const SCHEMAS: Readonly<Record<JournalRecord['type'], Schema>> = {
  run: shape<RunRecord>(
    {
      type: is('run'),
      version: is(JOURNAL_VERSION),
      startedAt: text,
      suite: shape<RunRecord['suite']>({ version: text, commit: text }, {}),
      commandLine: listOf(text),
      target: text,
    },
    {
      cwd: text,
      seed: { type: 'number' },
      shard: shape<Shard>({ index: count, of: count }, {}),
      partial: flag,
    },
  ),
  target: shape<TargetRecord>(
    {
      type: is('target'),
      at: text,
      kernel: text,
      kernelVersion: text,
      machine: text,
      taint: count,
      privileged: flag,
      devices: listOf(device),
    },
    {},
  ),
  plan: shape<PlanRecord>({ type: is('plan'), points: listOf(text) }, {}),
  started: shape<StartedRecord>({ type: is('started'), id: text, at: text }, { lane: count }),
  point,
  note: shape<NoteRecord>({ type: is('note'), at: text, text }, {}),
  end: shape<EndRecord>(
    {
      type: is('end'),
      at: text,
      outcome: { enum: ['complete', 'interrupted', 'failed'] },
    },
    { reason: text },
  ),
};

/** What a line of a journal turned out to be. */
export type CheckedRecord =
  | { readonly ok: true; readonly record: JournalRecord }
  | { readonly ok: false; readonly problem: string };

export type RecordChecker = (value: unknown) => CheckedRecord;

/** Makes the check of one parsed line; schemas are compiled when a record of their type first comes. */
export function recordChecker(): RecordChecker {
  const ajv = new Ajv2020({ strict: true });
  const compiled = new Map<string, ValidateFunction<JournalRecord>>();
  return (value) => {
    const type = typeOf(value);
    if (!isRecordType(type)) {
      return { ok: false, problem: `it is no record of a known type (${type ?? 'no type'})` };
    }
    const validate = compiled.get(type) ?? ajv.compile<JournalRecord>(SCHEMAS[type]);
    compiled.set(type, validate);
    if (validate(value)) return { ok: true, record: value };
    const error = validate.errors?.[0];
    const where = error?.instancePath ? ` at ${error.instancePath}` : '';
    return { ok: false, problem: `the ${type} record is wrong${where}: ${error?.message}` };
  };
}

/** The `type` of a parsed line, where it has one. */
export function typeOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
  return typeof value.type === 'string' ? value.type : undefined;
}

function isRecordType(type: string | undefined): type is JournalRecord['type'] {
  return type !== undefined && Object.hasOwn(SCHEMAS, type);
}
