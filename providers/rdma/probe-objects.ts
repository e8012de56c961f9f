import type { Mapping } from '../../uapi/mapping.ts';
import { tryClose } from '../../uapi/sys.ts';
import type { MapPlan, Outcome } from '../contract.ts';
import type { CreateRequests, How, RdmaKind, RdmaObject, RdmaVerbs } from '../contract-verbs.ts';
import { rdmaObject } from './context.ts';
import type { Part } from './driver.ts';
import { mapKey } from './map-key.ts';
import { probeOnDemand } from './probe-on-demand.ts';
import { isUnsupported, type Missing, refusal, registerRefusal } from './probe-reasons.ts';

/** Trials: each makes one thing and takes it back, or asks for one that cannot be made. */

/** enum ib_mr_rereg_flags: change the rights. Source: include/rdma/ib_verbs.h */
const REREG_ACCESS = 4;
const LOCAL_WRITE = 1;
/** A group of site scope that nobody else uses here. */
const PROBE_GROUP = 'ff0e::ffff:efff:fe01';
const NO_OBJECT = 0xffffff;

interface Trial {
  readonly verbs: RdmaVerbs;
  readonly memory: Mapping;
  readonly pd: RdmaObject;
  readonly cq: RdmaObject;
}

export function probeObjects(verbs: RdmaVerbs, memory: Mapping, part: Part): Missing {
  const pd = verbs.create('pd', {});
  if (!pd.ok) return { verbs: refusal(pd) };
  const cq = verbs.create('cq', { entries: 4 });
  const missing: Missing = cq.ok
    ? probeWith({ verbs, memory, pd: pd.value, cq: cq.value }, part)
    : { verbs: refusal(cq) };
  if (cq.ok) verbs.destroy(cq.value);
  verbs.destroy(pd.value);
  return missing;
}

function probeWith(trial: Trial, part: Part): Missing {
  return {
    ...probeCq(trial),
    ...probeMemory(trial),
    ...probeQps(trial),
    ...probeInline(trial),
    ...probeReceivePieces(trial),
    ...probeRest(trial),
    ...probeDeviceMemory(trial),
    ...(part.queues === undefined && { 'rdma-inline': 'no queues to put inline data into' }),
  };
}

/** Makes an object and takes it back. */
function canMake<K extends RdmaKind>(
  { verbs }: Trial,
  kind: K,
  want: CreateRequests[K],
  how?: How,
): Outcome<RdmaObject> {
  const made = verbs.create(kind, want, how);
  if (made.ok) verbs.destroy(made.value);
  return made;
}

function probeCq({ verbs, cq }: Trial): Missing {
  const armed = verbs.armCq(cq, false, { abi: 'write' });
  const resized = verbs.resizeCq(cq, 8);
  return {
    ...(!armed.ok && { 'arm-command': refusal(armed) }),
    ...(!resized.ok && { 'cq-resize': refusal(resized) }),
  };
}

function probeMemory(trial: Trial): Missing {
  const { verbs, memory, pd } = trial;
  const missing: Missing = {};
  const page = { pd, start: memory.address, length: BigInt(memory.length), access: LOCAL_WRITE };
  const mr = verbs.create('mr', page);
  if (!mr.ok) return { verbs: registerRefusal(mr), 'mr-reregister': refusal(mr) };
  const changed = verbs.reregisterMr(mr.value, { flags: REREG_ACCESS, access: LOCAL_WRITE });
  if (!changed.ok) missing['mr-reregister'] = refusal(changed);
  verbs.destroy(changed.ok ? changed.value : mr.value);
  const byMethod = canMake(trial, 'mr', page, { abi: 'ioctl' });
  if (!byMethod.ok) missing['mr-method'] = refusal(byMethod);
  const windows = ([1, 2] as const).map((type) => canMake(trial, 'mw', { pd, type }));
  const refused = windows.find((one) => !one.ok);
  if (refused?.ok === false) missing['memory-window'] = refusal(refused);
  return { ...missing, ...probeOnDemand(verbs, page), ...probeDmabuf(trial) };
}

/** A descriptor that is none: a driver that takes dma-bufs says EBADF, any other EOPNOTSUPP. */
function probeDmabuf({ verbs, pd }: Trial): Missing {
  const want = { pd, dmabuf: -1, offset: 0n, length: 4096n, iova: 0n, access: LOCAL_WRITE };
  const made = verbs.create('dmabuf-mr', want);
  if (made.ok) verbs.destroy(made.value);
  return !made.ok && isUnsupported(made.errno) ? { 'mr-dmabuf': refusal(made) } : {};
}

/** Memory of the device is also what is exported, where it can be mapped. */
function probeDeviceMemory({ verbs, memory }: Trial): Missing {
  const length = memory.length;
  const dm = verbs.create('dm', { length: BigInt(length), alignment: 0 });
  if (!dm.ok) return { 'device-memory-map': refusal(dm), 'offset-export': refusal(dm) };
  const place = verbs.placeOfDm(dm.value);
  const missing: Missing = place.ok
    ? { ...probeMap(place.value, length), ...probeExport(verbs, place.value) }
    : { 'device-memory-map': refusal(place), 'offset-export': refusal(place) };
  verbs.destroy(dm.value);
  return missing;
}

function probeMap({ fd, offset }: MapPlan, length: number): Missing {
  const mapped = mapKey(fd, offset, length, 'memory of the device');
  if (!mapped.ok) return { 'device-memory-map': refusal(mapped) };
  mapped.value.unmap();
  return {};
}

function probeExport(verbs: RdmaVerbs, { offset }: MapPlan): Missing {
  const exported = verbs.exportPages(offset);
  if (!exported.ok) return { 'offset-export': refusal(exported) };
  tryClose(exported.value);
  return {};
}

const QP_TYPES = [
  ['qp-rc', 'rc'],
  ['qp-uc', 'uc'],
  ['qp-ud', 'ud'],
  ['qp-raw', 'raw-packet'],
] as const;

function probeQps(trial: Trial): Missing {
  const { pd, cq } = trial;
  const missing: Missing = {};
  for (const [name, type] of QP_TYPES) {
    const made = canMake(trial, 'qp', { type, pd, sendCq: cq, receiveCq: cq });
    if (!made.ok) missing[name] = refusal(made);
  }
  return missing;
}

/** Of a device without connections the datagram QPs are asked. */
function probeInline({ verbs, pd, cq }: Trial): Missing {
  const ends = { pd, sendCq: cq, receiveCq: cq };
  const make = (type: 'rc' | 'ud') => verbs.create('qp', { type, ...ends, inline: 16 });
  const connected = make('rc');
  const made = connected.ok ? connected : make('ud');
  if (!made.ok) return { 'rdma-inline': refusal(made) };
  verbs.destroy(made.value);
  const granted = Number(made.value.fields['inline']);
  return granted >= 16 ? {} : { 'rdma-inline': `CREATE_QP grants ${granted} bytes` };
}

function probeReceivePieces(trial: Trial): Missing {
  const { pd, cq } = trial;
  const ends = { pd, sendCq: cq, receiveCq: cq };
  const isRefused = (['rc', 'ud'] as const).every(
    (type) => !canMake(trial, 'qp', { type, ...ends, receiveSge: 2 }).ok,
  );
  return isRefused ? { 'receive-pieces': 'CREATE_QP grants no receives of two pieces' } : {};
}

function probeRest(trial: Trial): Missing {
  const { pd, cq } = trial;
  const missing: Missing = {};
  const counters = canMake(trial, 'counters', {});
  if (!counters.ok) missing['rdma-counters'] = refusal(counters);
  const wq = canMake(trial, 'wq', { pd, cq, maxWr: 1, maxSge: 1 });
  if (!wq.ok) missing['rdma-wq'] = refusal(wq);
  return { ...missing, ...probeSrq(trial), ...probeFlow(trial), ...probeMulticast(trial) };
}

/** A rule without it would take everything that comes to the port, whoever it is for. */
const NOBODYS_FRAMES = { layer: 'ethernet', is: { destination: '03:00:00:00:00:01' } } as const;

/** On a QP of raw packets; where there are none, on one that does not exist, for what refuses before. */
function probeFlow({ verbs, pd, cq }: Trial): Missing {
  const qp = verbs.create('qp', { type: 'raw-packet', pd, sendCq: cq, receiveCq: cq });
  const target = qp.ok ? qp.value : rdmaObject('qp', NO_OBJECT);
  const want = { qp: target, port: 1, specs: [NOBODYS_FRAMES] };
  const flow = verbs.create('flow', want, { abi: 'write' });
  if (flow.ok) verbs.destroy(flow.value);
  if (qp.ok) verbs.destroy(qp.value);
  return flow.ok || !isUnsupported(flow.errno) ? {} : { 'rdma-flow': refusal(flow) };
}

function probeSrq({ verbs, pd }: Trial): Missing {
  const srq = verbs.create('srq', { pd, maxWr: 4, maxSge: 1 });
  if (!srq.ok) return { srq: refusal(srq), 'srq-resize': refusal(srq) };
  const resized = verbs.modifySrq(srq.value, { maxWr: 8 });
  verbs.destroy(srq.value);
  return resized.ok ? {} : { 'srq-resize': refusal(resized) };
}

function probeMulticast({ verbs, pd, cq }: Trial): Missing {
  const made = verbs.create('qp', { type: 'ud', pd, sendCq: cq, receiveCq: cq });
  if (!made.ok) return { multicast: `no UD QP: ${refusal(made)}` };
  const joined = verbs.attachMulticast(made.value, PROBE_GROUP, 0);
  if (joined.ok) verbs.detachMulticast(made.value, PROBE_GROUP, 0);
  verbs.destroy(made.value);
  return joined.ok ? {} : { multicast: refusal(joined) };
}
