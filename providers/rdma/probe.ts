import { MAP_ANONYMOUS, MAP_PRIVATE } from '../../uapi/constants.ts';
import { Mapping } from '../../uapi/mapping.ts';
import { pageSize } from '../../uapi/sys-memory.ts';
import type { Capability, Device, Outcome, Probe } from '../contract.ts';
import type { Facts, RdmaVerbs, SendOpcode } from '../contract-verbs.ts';
import type { Part } from './driver.ts';
import { probeCounters } from './probe-counters.ts';
import { probeObjects } from './probe-objects.ts';
import { ON_DEMAND_JOBS, probeOnDemandJobs } from './probe-on-demand.ts';
import { probePlug } from './probe-plug.ts';
import { type Missing, ownedByOthers, refusal } from './probe-reasons.ts';

/** What a device can do, found by asking it and by trying. */

export const OFFERED: readonly Capability[] = [
  'verbs',
  'rdma-jobs',
  'rdma-port',
  'qp-rc',
  'qp-uc',
  'qp-ud',
  'no-driver-data',
  'qp-srd',
  'srd-read',
  'srd-write',
  'srd-retries',
  'datagram-header',
  'datagram-grh',
  'datagram-mtu',
  'datagram-longest',
  'qp-xrc',
  'qp-raw',
  'raw-jobs',
  'qp-modify',
  'rdma-immediate',
  'rdma-atomics',
  'rdma-flush',
  'rdma-atomic-write',
  'rdma-inline',
  'receive-pieces',
  'read-pieces',
  'rdma-invalidate',
  'memory-window',
  'mr-remote-read',
  'mr-remote-write',
  'mr-reregister',
  'mr-method',
  'mr-on-demand',
  'mr-advice',
  ...ON_DEMAND_JOBS.keys(),
  'mr-dmabuf',
  'import',
  'device-memory',
  'device-memory-map',
  'offset-export',
  'srq',
  'srq-resize',
  'rdma-gid',
  'doorbell-command',
  'doorbell-page',
  'arm-command',
  'bare-queues',
  'cq-resize',
  'cq-memory',
  'cq-moderation',
  'multicast',
  'rdma-flow',
  'rdma-counters',
  'comp-cntr',
  'comp-cntr-remote',
  'devx',
  'rdma-wq',
  'wq-jobs',
  'port-speed',
  'rdma-cm',
  'impaired-paths',
  'unplug',
  'rdma-link',
  'unplug-waits',
  'unplug-cuts',
  'port-switch',
];

/** Bits of enum ib_uverbs_device_cap_flags; the last two stand in the extended answer only. */
const CAP_SRQ_RESIZE = 1n << 13n;
const CAP_XRC = 1n << 20n;
const CAP_MEM_MGT_EXTENSIONS = 1n << 21n;
const CAP_MEM_WINDOW_2B = 1n << 24n;
const CAP_FLUSH = (1n << 38n) | (1n << 39n);
const CAP_ATOMIC_WRITE = 1n << 40n;

export function probeCapabilities(device: Device, verbs: RdmaVerbs, part: Part): Outcome<Probe> {
  const queried = verbs.queryDevice({ extended: true });
  const plain = queried.ok ? queried : verbs.queryDevice();
  if (!plain.ok) return plain;
  const facts = plain.value;
  const memory = Mapping.map({ fd: -1, length: pageSize(), flags: MAP_PRIVATE | MAP_ANONYMOUS });
  const missing: Missing = {
    ...probeFlags(facts, part),
    ...probeOnDemandJobs(facts),
    ...probePort(device, verbs),
    ...probePortSpeed(verbs),
    ...probeDriver(device, part),
    ...probeCounters(verbs),
    ...probePlug(device),
    ...probeObjects(verbs, memory, part),
    ...probeFrames(device, verbs, part),
    ...ownedByOthers(part.driver),
    ...part.probe?.(verbs, facts),
  };
  if (missing['qp-raw'] !== undefined) missing['raw-jobs'] = missing['qp-raw'];
  const noHeader = missing['datagram-header'];
  if (noHeader !== undefined) missing['datagram-grh'] = missing['datagram-mtu'] = noHeader;
  if (missing['mr-dmabuf'] !== undefined) missing.import = missing['mr-dmabuf'];
  // Drivers resize that do not say so; one that says so and does not is no skip.
  if ((flagsOf(facts) & CAP_SRQ_RESIZE) !== 0n) delete missing['srq-resize'];
  memory.unmap();
  return { ok: true, value: { missing, identity: { part: part.shown } } };
}

function flagsOf(facts: Facts): bigint {
  const plain = BigInt(Number(facts['deviceCapFlags'] ?? 0));
  const extended = facts['deviceCapFlagsEx'];
  return typeof extended === 'bigint' ? plain | extended : plain;
}

/** What the device says of itself. */
function probeFlags(facts: Facts, part: Part): Missing {
  const flags = flagsOf(facts);
  const says = (bits: bigint) => (flags & bits) !== 0n;
  const missing: Missing = {};
  if (!says(CAP_XRC)) missing['qp-xrc'] = 'QUERY_DEVICE: no XRC among the device capabilities';
  if (!says(CAP_FLUSH)) missing['rdma-flush'] = 'QUERY_DEVICE: no flush among the capabilities';
  if (!says(CAP_ATOMIC_WRITE)) missing['rdma-atomic-write'] = 'QUERY_DEVICE: no atomic write';
  if (!says(CAP_MEM_MGT_EXTENSIONS) || !says(CAP_MEM_WINDOW_2B)) {
    missing['rdma-invalidate'] = 'QUERY_DEVICE: no memory management extensions or windows 2B';
  }
  if (facts['maxSgeRd'] === 1) missing['read-pieces'] = 'QUERY_DEVICE: max_sge_rd is 1';
  if (facts['atomicCap'] === 0) missing['rdma-atomics'] = 'QUERY_DEVICE: atomic_cap is none';
  if (!isModerated(facts)) missing['cq-moderation'] = 'QUERY_DEVICE: no moderation of CQs';
  if ((facts['maxDmSize'] ?? 0n) === 0n)
    missing['device-memory'] = 'QUERY_DEVICE: max_dm_size is 0';
  return { ...missing, ...missingOpcodes(part) };
}

function isModerated({ cqModerationCaps: caps }: Facts): boolean {
  return (
    typeof caps === 'object' &&
    'maxCqModerationPeriod' in caps &&
    caps['maxCqModerationPeriod'] !== 0
  );
}

/** Jobs that this driver's queues have no code for. */
const JOBS: readonly (readonly [Capability, SendOpcode])[] = [
  ['rdma-immediate', 'send-immediate'],
  ['rdma-atomics', 'compare-swap'],
  ['rdma-flush', 'flush'],
  ['rdma-atomic-write', 'atomic-write'],
  ['rdma-invalidate', 'local-invalidate'],
];

function missingOpcodes({ opcodes, driver }: Part): Missing {
  if (opcodes === undefined) return {};
  const without = JOBS.filter(([, opcode]) => !opcodes.has(opcode));
  return Object.fromEntries(
    without.map(([name, job]) => [name, `${driver} has no ${job} in its queues`]),
  );
}

function probePort(device: Device, verbs: RdmaVerbs): Missing {
  const address = verbs.localAddress();
  // Jobs go through the port that has the address, which need not be the first.
  const number = address?.port ?? 1;
  const port = verbs.queryPort(number);
  if (!port.ok) return { 'rdma-port': refusal(port) };
  const netdev = device.identity['netdev'];
  const missing: Missing = {};
  if (port.value['state'] !== 'active') {
    const mend = netdev === undefined ? 'plug the cable in' : `ip link set ${netdev} up`;
    missing['rdma-port'] = `port ${number} is ${String(port.value['state'])}: ${mend}`;
  } else if (address === undefined) {
    const mend = `give ${netdev ?? 'its network device'} an IP address: ip addr add`;
    missing['rdma-port'] = `port 1 has no GID that can be reached: ${mend}`;
  }
  // A LID: a port of InfiniBand, which has IP addresses with IPoIB alone.
  if ((address?.lid ?? 0) !== 0 && netdev === undefined) {
    missing['rdma-cm'] =
      'a port of InfiniBand without IPoIB has no address for the connection manager';
  }
  const gid = verbs.queryGid(1, 0);
  if (!gid.ok) missing['rdma-gid'] = refusal(gid);
  if (verbs.localAddress('loss') === undefined) {
    missing['impaired-paths'] = 'only the lab has such paths: providers/rdma/lab-links.sh';
  }
  return missing;
}

/** A port without a network device has no cable that it could ask for. */
function probeFrames({ identity }: Device, verbs: RdmaVerbs, part: Part): Missing {
  if (part.loopsFrames !== true) {
    return { 'raw-jobs': `that frames of ${part.driver} come back is not known` };
  }
  const port = verbs.queryPort(1);
  const isDown = port.ok && port.value['state'] !== 'active';
  if (!isDown || identity['netdev'] === undefined) return {};
  return { 'raw-jobs': `port 1 is down: ip link set ${identity['netdev']} up` };
}

function probePortSpeed(verbs: RdmaVerbs): Missing {
  const speed = verbs.queryPortSpeed(1);
  return speed.ok ? {} : { 'port-speed': refusal(speed) };
}

/** Calls that a driver may have data for, although nothing was said of it. */
function asksForData({ driverData }: Part): boolean {
  const calls = ['context', 'cq', 'qp'] as const;
  return calls.some((call) => (driverData?.(call, {}, Buffer.alloc(0)).input.length ?? 0) > 0);
}

function probeDriver({ identity, otherNodes }: Device, part: Part): Missing {
  const missing: Missing = {};
  if (part.queues === undefined) {
    const unknown = `the queues of ${part.driver} are not known here: commands only`;
    for (const name of ['rdma-jobs', 'doorbell-command', 'doorbell-page'] as const) {
      missing[name] = unknown;
    }
  } else if (part.queues.doorbell === 'page') {
    missing['doorbell-command'] = `${part.driver}: doorbells are in pages`;
  } else {
    missing['doorbell-page'] = `${part.driver}: work is rung in by a command`;
  }
  if (identity['transport'] === 'iwarp') {
    missing['qp-modify'] = 'iWARP: QPs are connected by the RDMA CM';
  }
  if (part.queues?.openWq === undefined) {
    missing['wq-jobs'] = `work queues of ${part.driver} are commands only`;
  }
  if (asksForData(part)) missing['no-driver-data'] = `${part.driver} asks for data of its own`;
  if (part.registrations !== undefined) {
    missing['bare-queues'] = `${part.driver} has queues in memory that it wants registered`;
  }
  if (otherNodes['cm'] === undefined) {
    missing['rdma-cm'] = 'no /dev/infiniband/rdma_cm: modprobe rdma_ucm';
  }
  return missing;
}
