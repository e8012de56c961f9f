import type { CreateRequest } from '../../../cases/types.gen.ts';
import {
  FLOW_FIELDS,
  FLOW_LAYERS,
  FLOW_TYPES,
  type FlowFields,
  type FlowLayer,
  type FlowRequest,
  type FlowSpec,
} from '../../../providers/contract-flow.ts';
import { frameHead } from '../frame.ts';
import type { Scope } from '../scope.ts';
import { CaseDefect, type Scalar } from '../values.ts';
import { type Arguments, gaveFields, type PointContext, type VerbResult } from '../verb.ts';
import { numberOf, present, wordOf } from './rdma-arguments.ts';
import { rdmaOf } from './rdma-held.ts';

type Want = NonNullable<CreateRequest['flow']>;
type WantedSpec = NonNullable<Want['specs']>[number];
type WantedFields = NonNullable<WantedSpec['is']>;

/** What a `create` step asks of a flow rule. */
export function lowerFlow(want: Want, scope: Scope): FlowRequest {
  return present({
    qp: rdmaOf(want.qp, scope, 'qp').object,
    port: numberOf(want.port ?? 1, scope),
    type: want.type === undefined ? undefined : wordOf(want.type, FLOW_TYPES, scope),
    priority: numberOf(want.priority, scope),
    specs: want.specs?.map((spec) => lowerSpec(spec, scope)),
  });
}

/** The head of a packet, for `fill` and `bytes`. */
export function frame(args: Arguments<'frame'>, { scope }: PointContext): VerbResult {
  const layers = args.layers.map(({ layer: name, is = {} }) => {
    const layer = wordOf(name, FLOW_LAYERS, scope);
    return { layer, is: fieldsOf(layer, is, scope) };
  });
  const head = frameHead(layers, numberOf(args.length, scope));
  return gaveFields({ pattern: `hex:${head.toString('hex')}`, bytes: head.length });
}

function lowerSpec({ layer: name, is = {}, mask, counters }: WantedSpec, scope: Scope): FlowSpec {
  if (counters !== undefined) {
    return { action: 'count', counters: rdmaOf(counters, scope, 'counters').object };
  }
  if (name === undefined) return { action: 'drop' };
  const layer = wordOf(name, FLOW_LAYERS, scope);
  return present({
    layer,
    is: fieldsOf(layer, is, scope),
    mask: mask && fieldsOf(layer, mask, scope),
  });
}

function fieldsOf(layer: FlowLayer, fields: WantedFields, scope: Scope): FlowFields {
  const known: readonly string[] = FLOW_FIELDS[layer];
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]: [string, Scalar]) => {
      if (known.includes(name)) return [name, fieldValue(value, scope)];
      throw new CaseDefect(`${name} is no field of ${layer}: ${known.join(', ')}`);
    }),
  );
}

/** A number, also behind a reference, or an address. */
function fieldValue(value: Scalar, scope: Scope): number | string {
  const given = typeof value === 'string' ? scope.scalar(value) : value;
  return typeof given === 'number' || typeof given === 'string' ? given : Number(given);
}
