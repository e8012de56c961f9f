import type { CallOutcome } from '../../uapi/call-outcome.ts';
import type { CreateRequests, How, RdmaKind, RdmaObject, RdmaVerbs } from '../contract-verbs.ts';
import { createAh, multicast, openXrcd } from './address-handle.ts';
import { createChannel, createCq, resizeCq } from './completion-queue.ts';
import { connectByModify } from './connect.ts';
import { type Context, rdmaObject } from './context.ts';
import { destroy } from './destroy.ts';
import { sysfsGids, usableAddress } from './gid.ts';
import { armCq, pollCq, postReceive, postSend, readEvent } from './jobs.ts';
import { allocMw, allocPd, regMr, reregMr } from './memory.ts';
import { modifyQp } from './modify-qp.ts';
import { query, queryDevice, queryPort } from './query.ts';
import { createQp } from './queue-pair.ts';
import { createSrq, modifySrq } from './shared-receive-queue.ts';

type Creators = {
  readonly [K in RdmaKind]?: (
    context: Context,
    want: CreateRequests[K],
    how: How,
  ) => CallOutcome<RdmaObject>;
};

const CREATORS: Creators = {
  pd: (context, _want, how) => allocPd(context, how),
  mr: regMr,
  mw: allocMw,
  channel: (context, _want, how) => createChannel(context, how),
  cq: createCq,
  srq: createSrq,
  qp: createQp,
  ah: createAh,
  xrcd: openXrcd,
};

const BY_DEFAULT: How = {};

/** The verbs of a context. */
export function createVerbs(context: Context, asyncEvents: RdmaObject): RdmaVerbs {
  const { ibdev, part } = context;
  const verbs: RdmaVerbs = {
    asyncEvents,
    driverId: part.driverId,
    queryDevice: (how = BY_DEFAULT) => queryDevice(context, how),
    queryPort: (port, how = BY_DEFAULT) => queryPort(context, port, how),
    queryGidTable: () => {
      const entries = sysfsGids(ibdev).map((entry) => ({ ...entry }));
      return { ok: true, value: { entries } };
    },
    queryGid: () => {
      throw new TypeError('queryGid is not there yet');
    },
    infoHandles: () => {
      throw new TypeError('infoHandles is not there yet');
    },
    create(kind, want, how = BY_DEFAULT) {
      const creator = CREATORS[kind];
      if (creator === undefined) throw new TypeError(`no way to create a ${kind}`);
      return creator(context, want, how);
    },
    destroy: (object, how = BY_DEFAULT) => destroy(context, object, how),
    query: (object, how = BY_DEFAULT) => query(context, object, how),
    modifyQp: (qp, attributes, how = BY_DEFAULT) => modifyQp(context, qp, attributes, how),
    modifySrq: (srq, attributes, how = BY_DEFAULT) => modifySrq(context, srq, attributes, how),
    reregisterMr: (mr, change, how = BY_DEFAULT) => reregMr(context, mr, change, how),
    adviseMr: () => {
      throw new TypeError('adviseMr is not there yet');
    },
    resizeCq: (cq, entries, how = BY_DEFAULT) => resizeCq(context, cq, entries, how),
    attachMulticast: (qp, gid, lid, how = BY_DEFAULT) =>
      multicast(context, 'attach', { qp, gid, lid }, how),
    detachMulticast: (qp, gid, lid, how = BY_DEFAULT) =>
      multicast(context, 'detach', { qp, gid, lid }, how),
    localAddress: (path) => usableAddress(sysfsGids(ibdev), path),
    connect: (qp, peer, how = {}) => (part.connect ?? connectByModify)({ verbs, qp }, peer, how),
    postSend: (qp, requests, how = BY_DEFAULT) => postSend(context, qp, requests, how),
    postReceive: (queue, requests, how = BY_DEFAULT) => postReceive(context, queue, requests, how),
    pollCq: (cq, max, how = BY_DEFAULT) => pollCq(context, cq, max, how),
    armCq: (cq, solicitedOnly, how = BY_DEFAULT) => armCq(context, cq, solicitedOnly, how),
    readEvent,
    adoptObject: rdmaObject,
  };
  return verbs;
}
