import * as h from './headers/ifc.ts';

/** Whose requests may wait for pages, by the type of the QP; requests of others fail. */
const TRANSPORTS = new Map([
  [h.MLX5_QPC_ST_RC, 'rc'],
  [h.MLX5_QPC_ST_XRC, 'xrc'],
  [h.MLX5_QPC_ST_UD, 'ud'],
] as const);

export type Service = 'send' | 'receive' | 'write' | 'read' | 'atomic' | 'srq_receive';

const CONNECTED = ['send', 'receive', 'write', 'read', 'atomic'] as const;

type Field = Parameters<typeof h.odp_cap.set>[1];

function make(fields: readonly Field[]): Buffer {
  const buf = h.odp_cap.make();
  for (const field of fields) h.odp_cap.set(buf, field, 1);
  return buf;
}

/** What there is before the driver asks for more. Source: core/main.c, handle_hca_cap_odp() */
const FIRST = [
  ...CONNECTED.map((what) => `transport_page_fault_scheme_cap.rc_odp_caps.${what}` as const),
  'transport_page_fault_scheme_cap.ud_odp_caps.send',
] as const;

export const firstOnDemand = (): Buffer => make(FIRST);

/** Pages are asked for by queue ("transport"), and not by address ("memory"), as of old. */
export function onDemand(): Buffer {
  return make([
    ...FIRST,
    'transport_page_fault_scheme_cap.rc_odp_caps.srq_receive',
    'transport_page_fault_scheme_cap.xrc_odp_caps.srq_receive',
    ...CONNECTED.map((what) => `transport_page_fault_scheme_cap.xrc_odp_caps.${what}` as const),
  ]);
}

/** @param chosen the capabilities as the driver has set them; @param type MLX5_QPC_ST_… */
export function mayWait(chosen: Buffer, type: number, service: Service): boolean {
  const transport = (TRANSPORTS as ReadonlyMap<number, 'rc' | 'xrc' | 'ud'>).get(type);
  if (transport === undefined) return false;
  const field = `transport_page_fault_scheme_cap.${transport}_odp_caps.${service}` as const;
  return h.odp_cap.get(chosen, field) === 1;
}
