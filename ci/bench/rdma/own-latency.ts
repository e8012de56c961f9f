import type { Outcome } from '../../../providers/contract.ts';
import type { RdmaObject, RdmaVerbs, SendRequest } from '../../../providers/contract-verbs.ts';
import { provider } from '../../../providers/rdma/index.ts';
import { CallLog, setCallLog } from '../../../uapi/call-log.ts';
import { MAP_ANONYMOUS, MAP_SHARED } from '../../../uapi/constants.ts';
import { Mapping } from '../../../uapi/mapping.ts';
import type { Latency } from './measurement.ts';

/** What ib_write_lat sends by default. */
const MESSAGE_BYTES = 2;
const ITERATIONS = 1000;
/** Node compiles a loop while it runs; perftest's programs come compiled. */
const WARM_UP = 10_000;
const MEMORY_BYTES = 4096;
/** IB_ACCESS_LOCAL_WRITE, _REMOTE_WRITE, _REMOTE_READ */
const ACCESS = 7;

function must<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Error(`${outcome.call ?? 'a verb'}: errno ${outcome.errno}`);
}

/**
 * Posts one request and polls until it has completed, again and again, through the provider's verbs
 * as a case does: straight into the mapped queues, with one write(2) as doorbell.
 *
 * @returns the medians, each of 1000 after 10,000 that do not count
 */
export function ownLatency(ibdev: string, isLogged: boolean): Latency {
  const device = provider.find().find(({ address }) => address === `rdma@${ibdev}`);
  if (device === undefined) throw new Error(`no device ${ibdev}`);
  const session = must(provider.open(device, {}));
  const { verbs } = session;
  if (verbs === undefined) throw new Error('a session without verbs');
  if (isLogged) setCallLog(new CallLog());
  try {
    return measure(verbs);
  } finally {
    setCallLog(undefined);
    session.close();
  }
}

function measure(verbs: RdmaVerbs): Latency {
  const flags = MAP_SHARED | MAP_ANONYMOUS;
  using memory = Mapping.map({ fd: -1, offset: 0n, length: MEMORY_BYTES, flags });
  const pd = must(verbs.create('pd', {}));
  const region = { pd, start: memory.address, length: BigInt(MEMORY_BYTES), access: ACCESS };
  const mr = must(verbs.create('mr', region));
  const near = makeQp(verbs, pd);
  const far = makeQp(verbs, pd);
  must(verbs.connect(near.qp, { verbs, qp: far.qp }));
  const request = (opcode: SendRequest['opcode']): SendRequest => ({
    id: 1n,
    opcode,
    signaled: true,
    sges: [{ address: memory.address, length: MESSAGE_BYTES, lkey: Number(mr.fields['lkey']) }],
    remoteAddress: memory.address + BigInt(MEMORY_BYTES / 2),
    rkey: Number(mr.fields['rkey']),
  });
  return {
    writeUs: medianUs(() => roundTrip(verbs, near, [request('rdma-write')])),
    readUs: medianUs(() => roundTrip(verbs, near, [request('rdma-read')])),
  };
}

interface End {
  readonly qp: RdmaObject;
  readonly cq: RdmaObject;
}

function makeQp(verbs: RdmaVerbs, pd: RdmaObject): End {
  const cq = must(verbs.create('cq', { entries: 16 }));
  const sizes = { sendWr: 16, receiveWr: 1, sendSge: 1, receiveSge: 1 };
  const qp = must(verbs.create('qp', { type: 'rc', pd, sendCq: cq, receiveCq: cq, ...sizes }));
  return { qp, cq };
}

function roundTrip(verbs: RdmaVerbs, { qp, cq }: End, requests: readonly SendRequest[]): void {
  must(verbs.postSend(qp, requests));
  for (;;) {
    const [completion] = must(verbs.pollCq(cq, 1));
    if (completion === undefined) continue;
    if (completion.status !== 'success') throw new Error(completion.status);
    return;
  }
}

function medianUs(once: () => void): number {
  for (let i = 0; i < WARM_UP; i++) once();
  const times: number[] = [];
  for (let i = 0; i < ITERATIONS; i++) {
    const start = process.hrtime.bigint();
    once();
    times.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  times.sort((a, b) => a - b);
  return times[ITERATIONS / 2] ?? Number.NaN;
}
