import type { CallOutcome } from '../../uapi/call-outcome.ts';
import type {
  Address,
  CreateRequests,
  How,
  LinkPath,
  RdmaKind,
  RdmaObject,
  RdmaVerbs,
} from '../contract-verbs.ts';
import { createAh, multicast, openXrcd } from './address-handle.ts';
import {
  attachCompCntr,
  createCompCntr,
  modifyCompCntr,
  queryCompCntrCaps,
} from './completion-counters.ts';
import { allocAsyncEvents, createChannel, createCq, resizeCq } from './completion-queue.ts';
import { connectByModify } from './connect.ts';
import { type Context, rdmaObject } from './context.ts';
import { createCounters } from './counters.ts';
import { destroy } from './destroy.ts';
import { allocDm, exportPages, placeOfDm } from './device-memory.ts';
import { createFlow } from './flow.ts';
import { subnetAddress, usableAddress } from './gid.ts';
import { iwarpAddress } from './iwarp-address.ts';
import { armCq, pollCq, postReceive, postSend, readEvent } from './jobs.ts';
import { allocMw, allocPd, regMr, reregMr } from './memory.ts';
import { modifyQp } from './modify-qp.ts';
import { adviseMr, regDmabufMr, regDmMr } from './more-memory.ts';
import { query, queryDevice, queryPort, queryPortSpeed } from './query.ts';
import { gidTable, infoHandles, queryCharDevice, queryGid, queryGidTable } from './query-tables.ts';
import { createQp, openQp } from './queue-pair.ts';
import { createSrq, modifySrq } from './shared-receive-queue.ts';
import { createWq, createWqTable, modifyWq } from './work-queue.ts';

type Creators = {
  readonly [K in RdmaKind]: (
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
  'dmabuf-mr': regDmabufMr,
  'dm-mr': regDmMr,
  dm: allocDm,
  'async-events': (context) => allocAsyncEvents(context),
  wq: createWq,
  'wq-table': createWqTable,
  flow: createFlow,
  counters: (context) => createCounters(context),
  'comp-cntr': createCompCntr,
};

const BY_DEFAULT: How = {};

const isClean = (path: LinkPath | undefined) => path === undefined || path === 'clean';

function lidOf(context: Context, port: number): number {
  const facts = queryPort(context, port, BY_DEFAULT);
  return facts.ok ? Number(facts.value['lid'] ?? 0) : 0;
}

/** The verbs of a context. */
export function createVerbs(context: Context, asyncEvents: RdmaObject): RdmaVerbs {
  /** Asked once: a session is short, and points ask for their address several times. */
  let gids: ReturnType<typeof gidTable> | undefined;
  let subnet: { readonly address: Address | undefined } | undefined;
  const { part } = context;
  const verbs: RdmaVerbs = {
    asyncEvents,
    driverId: part.driverId,
    queryDevice: (how = BY_DEFAULT) => queryDevice(context, how),
    queryPort: (port, how = BY_DEFAULT) => queryPort(context, port, how),
    queryPortSpeed: (port) => queryPortSpeed(context, port),
    queryGidTable: () => queryGidTable(context),
    queryGid: (port, index) => queryGid(context, port, index),
    queryCharDevice: (client, port) => queryCharDevice(context, client, port),
    infoHandles: (objectId) => infoHandles(context, objectId),
    create(kind, want, how = BY_DEFAULT) {
      return CREATORS[kind](context, want, how);
    },
    destroy: (object, how = BY_DEFAULT) => destroy(context, object, how),
    query: (object, how = BY_DEFAULT) => query(context, object, how),
    modifyQp: (qp, attributes, how = BY_DEFAULT) => modifyQp(context, qp, attributes, how),
    modifySrq: (srq, attributes, how = BY_DEFAULT) => modifySrq(context, srq, attributes, how),
    modifyWq: (wq, change, how = BY_DEFAULT) => modifyWq(context, wq, change, how),
    reregisterMr: (mr, change, how = BY_DEFAULT) => reregMr(context, mr, change, how),
    adviseMr: (pd, advice) => adviseMr(context, pd, advice),
    placeOfDm: (dm) => placeOfDm(context, dm),
    exportPages: (offset) => exportPages(context, offset),
    resizeCq: (cq, entries, how = BY_DEFAULT) => resizeCq(context, cq, entries, how),
    openQp: (want, how = BY_DEFAULT) => openQp(context, want, how),
    modifyCompCntr: (counter, change) => modifyCompCntr(context, counter, change),
    attachCompCntr: (qp, counter, operations) => attachCompCntr(context, qp, counter, operations),
    queryCompCntrCaps: () => queryCompCntrCaps(context),
    attachMulticast: (qp, gid, lid, how = BY_DEFAULT) =>
      multicast(context, 'attach', { qp, gid, lid }, how),
    detachMulticast: (qp, gid, lid, how = BY_DEFAULT) =>
      multicast(context, 'detach', { qp, gid, lid }, how),
    localAddress(path) {
      if (part.connect !== undefined)
        return isClean(path) ? iwarpAddress(context.ibdev) : undefined;
      gids ??= gidTable(context);
      if (!gids.ok) return undefined;
      const entries = gids.value;
      if (part.address !== undefined) return isClean(path) ? part.address(entries) : undefined;
      const routed = usableAddress(entries, path);
      if (routed !== undefined || !isClean(path)) return routed;
      subnet ??= { address: subnetAddress(entries, (port) => lidOf(context, port)) };
      return subnet.address;
    },
    connect: (qp, peer, how = {}) => (part.connect ?? connectByModify)({ verbs, qp }, peer, how),
    postSend: (qp, requests, how = BY_DEFAULT) => postSend(context, qp, requests, how),
    postReceive: (queue, requests, how = BY_DEFAULT) => postReceive(context, queue, requests, how),
    pollCq: (cq, max, how = BY_DEFAULT) => pollCq(context, cq, max, how),
    armCq: (cq, solicitedOnly, how = BY_DEFAULT) => armCq(context, cq, solicitedOnly, how),
    readEvent: (file) => readEvent(context, file),
    adoptObject: rdmaObject,
  };
  return verbs;
}
