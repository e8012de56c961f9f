import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { E } from '../../uapi/errno.ts';
import type {
  Address,
  Connection,
  Facts,
  QpAttributes,
  QpEnd,
  QpState,
  QpType,
  RdmaObject,
} from '../contract-verbs.ts';
import { COMMON_ACCESS, readDepth, USUAL_DEPTH, wholeAccess } from './abilities.ts';
import { QP_TYPES } from './words.ts';

/** Some number to begin with; both ends agree on it. */
const FIRST_PSN = 0;
const DEFAULT_QKEY = 0x11111111;

const STEPS: readonly QpState[] = ['init', 'rtr', 'rts'];

/** What one end is brought together with. */
export interface Way {
  readonly type: QpType;
  readonly from: Address;
  readonly to: Address;
  readonly remoteQpn: number;
}

/**
 * What MODIFY_QP is told on the way to a state, by the type of the QP: the attributes that the
 * state asks for. Source: drivers/infiniband/core/verbs.c, qp_state_table
 */
export function stepAttributes(state: QpState, way: Way, how: Connection): QpAttributes {
  const isReliable = way.type === 'rc' || way.type === 'xrc-ini' || way.type === 'xrc-tgt';
  const isConnected = isReliable || way.type === 'uc';
  const base = { state };
  if (state === 'init') {
    const port = { pkeyIndex: 0, port: way.from.port };
    return isConnected
      ? { ...base, ...port, access: how.access ?? COMMON_ACCESS }
      : { ...base, ...port, qkey: DEFAULT_QKEY };
  }
  if (state === 'rtr') {
    if (!isConnected) return base;
    const { gid, lid } = way.to;
    const to = { gid, lid, gidIndex: way.from.gidIndex, port: way.from.port };
    const path = { to, pathMtu: how.pathMtu ?? 1024, remoteQpn: way.remoteQpn };
    const connected = { ...base, ...path, receivePsn: FIRST_PSN };
    if (!isReliable || way.type === 'xrc-ini') return connected;
    const { maxReadAtomic = USUAL_DEPTH, minRnrTimer = 12 } = how;
    return { ...connected, maxDestReadAtomic: maxReadAtomic, minRnrTimer };
  }
  const sending = { ...base, sendPsn: FIRST_PSN };
  if (!isReliable) return sending;
  const { timeout = 14, retryCount = 7, rnrRetry = 7, maxReadAtomic = USUAL_DEPTH } = how;
  if (way.type === 'xrc-tgt') return { ...sending, timeout };
  return { ...sending, timeout, retryCount, rnrRetry, maxReadAtomic };
}

const QP_TYPE_ENTRIES: readonly (readonly [QpType, number])[] = [
  ['rc', QP_TYPES.rc],
  ['uc', QP_TYPES.uc],
  ['ud', QP_TYPES.ud],
  ['xrc-ini', QP_TYPES['xrc-ini']],
  ['xrc-tgt', QP_TYPES['xrc-tgt']],
  ['driver', QP_TYPES.driver],
];

function typeOf({ fields }: RdmaObject): QpType {
  const found = QP_TYPE_ENTRIES.find(([, number]) => number === fields['type']);
  return found?.[0] ?? 'rc';
}

/** Brings both ends through the states by MODIFY_QP, step by step. */
export function connectByModify(own: QpEnd, peer: QpEnd, how: Connection): CallOutcome<Facts> {
  const near = own.verbs.localAddress(how.path);
  const far = peer.verbs.localAddress(how.path);
  if (near === undefined || far === undefined) {
    return { ok: false, errno: E.EADDRNOTAVAIL, call: 'a port without an address to be reached' };
  }
  const ends = [
    { end: own, way: wayOf(near, far, own, peer) },
    { end: peer, way: wayOf(far, near, peer, own) },
  ];
  const last = STEPS.indexOf(how.until ?? 'rts');
  const maxReadAtomic = how.maxReadAtomic ?? readDepth(own.verbs, peer.verbs);
  for (const state of STEPS.slice(0, last + 1)) {
    for (const { end, way } of own.qp === peer.qp ? ends.slice(0, 1) : ends) {
      const access = how.access ?? wholeAccess(end.verbs);
      const attributes = stepAttributes(state, way, { ...how, access, maxReadAtomic });
      const changed = end.verbs.modifyQp(end.qp, attributes);
      if (!changed.ok) return changed;
    }
  }
  return { ok: true, value: {} };
}

function wayOf(from: Address, to: Address, own: QpEnd, peer: QpEnd): Way {
  return { type: typeOf(own.qp), from, to, remoteQpn: Number(peer.qp.fields['number'] ?? 0) };
}
