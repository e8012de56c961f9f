import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { E } from '../../uapi/errno.ts';
import { RDMA_PS_TCP } from '../../uapi/headers/rdma/rdma-user-cm.ts';
import { type CmFields, tryCm } from '../../uapi/rdma-cm.ts';
import type { CmCommand } from '../../uapi/rdma-cm-commands.ts';
import { type CmEvent, type CmEventName, nextCmEvent, openCm } from '../../uapi/rdma-cm-events.ts';
import { packSocketAddress } from '../../uapi/socket-address.ts';
import { tryClose } from '../../uapi/sys.ts';
import type { Connection, Facts, QpEnd, QpState } from '../contract-verbs.ts';
import { readDepth } from './abilities.ts';
import { qpAttributes } from './cm-attributes.ts';
import { cmHost } from './cm-host.ts';
import { QP_STATES } from './words.ts';

/** Connecting two QPs of this process by the RDMA CM: for iWARP the only way, for RoCE another. */

const CM_NODE = '/dev/infiniband/rdma_cm';

/** Milliseconds: what the kernel is given for a step, and what we wait for its event. */
const STEP_TIMEOUT_MS = 2_000;
const EVENT_TIMEOUT_MS = 10_000;

/** What RC of all drivers takes: local and remote write, remote read. */
const WHOLE_ACCESS = 7;

const LISTENER = 1n;
const ACTIVE = 2n;
const PASSIVE = 3n;

/** A connection that stands; the ids of both ends are on one file. */
export interface CmConnection {
  /** Of the file and of both ids; events of the connection come from `fd`. */
  readonly facts: Facts & {
    readonly fd: number;
    readonly active: number;
    readonly passive: number;
  };
  /** Gives up the claim of one end; the last one takes the connection down. */
  close(end: object): void;
}

/** A call that did not succeed, on its way out of the steps. */
class Refused extends Error {
  readonly outcome: CallOutcome<never> & { readonly ok: false };

  constructor(outcome: CallOutcome<never> & { readonly ok: false }) {
    super(outcome.call);
    this.outcome = outcome;
  }
}

function given<T>(outcome: CallOutcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Refused(outcome);
}

/**
 * Brings two QPs together: listen, resolve, connect, accept.
 *
 * @param own connects, `peer` listens
 * @returns EADDRNOTAVAIL where a device has no IP address, ECONNREFUSED for an event other than the
 * one that must come, else what a call answered; on failure no id is left
 */
export function connectByCm(own: QpEnd, peer: QpEnd, how: Connection): CallOutcome<CmConnection> {
  const from = cmHost(own.verbs, how.path);
  const to = cmHost(peer.verbs, how.path);
  if (from === undefined || to === undefined) {
    return { ok: false, errno: E.EADDRNOTAVAIL, call: 'a port without an address to be reached' };
  }
  const opened = openCm(CM_NODE);
  if (!opened.ok) return opened;
  try {
    const ids = new Handshake(opened.value, how).run({ ...own, host: from }, { ...peer, host: to });
    return { ok: true, value: connection(opened.value, ids, [own.qp, peer.qp]) };
  } catch (error) {
    tryClose(opened.value);
    if (error instanceof Refused) return error.outcome;
    throw error;
  }
}

interface Ids {
  readonly active: number;
  readonly passive: number;
}

function connection(fd: number, ids: Ids, ends: readonly object[]): CmConnection {
  const open = new Set(ends);
  return {
    facts: { fd, ...ids },
    close(end) {
      if (open.delete(end) && open.size === 0) tryClose(fd);
    },
  };
}

type End = QpEnd & { readonly host: string };

class Handshake {
  readonly #fd: number;
  readonly #how: Connection;
  #depth = 0;

  constructor(fd: number, how: Connection) {
    this.#fd = fd;
    this.#how = { access: WHOLE_ACCESS, ...how };
  }

  run(own: End, peer: End): Ids {
    this.#depth = this.#how.maxReadAtomic ?? readDepth(own.verbs, peer.verbs);
    const listener = this.#listen(peer.host);
    const active = this.#resolve(own.host, listener.address);
    this.#bring(own, active, 'init');
    this.#call('RDMA_USER_CM_CMD_CONNECT', { id: active, conn_param: this.#parameters(own) });
    const passive = this.#event('CONNECT_REQUEST').id;
    this.#bring(peer, passive, 'init');
    this.#bring(peer, passive, 'rtr');
    this.#bring(peer, passive, 'rts');
    const accept = { id: passive, uid: PASSIVE, conn_param: this.#parameters(peer) };
    this.#call('RDMA_USER_CM_CMD_ACCEPT', accept);
    this.#finish(own, active);
    this.#call('RDMA_USER_CM_CMD_DESTROY_ID', { id: listener.id });
    return { active, passive };
  }

  #call<C extends CmCommand>(command: C, fields: CmFields<C>) {
    return given(tryCm(this.#fd, command, fields));
  }

  #event(...expected: readonly CmEventName[]): CmEvent {
    const got = given(nextCmEvent(this.#fd, EVENT_TIMEOUT_MS));
    if (expected.includes(got.event)) return got;
    const call = `${got.event} (status ${got.status}) instead of ${expected.join(' or ')}`;
    throw new Refused({ ok: false, errno: E.ECONNREFUSED, call });
  }

  #create(uid: bigint): number {
    return this.#call('RDMA_USER_CM_CMD_CREATE_ID', { uid, ps: RDMA_PS_TCP }).id;
  }

  /** On a port that the kernel chooses. */
  #listen(host: string): { readonly id: number; readonly address: string } {
    const id = this.#create(LISTENER);
    const addr = `${host}:0`;
    this.#call('RDMA_USER_CM_CMD_BIND', { id, addr, addr_size: packSocketAddress(addr).length });
    this.#call('RDMA_USER_CM_CMD_LISTEN', { id, backlog: 1 });
    return { id, address: this.#call('RDMA_USER_CM_CMD_QUERY', { id }).src_addr };
  }

  #resolve(from: string, to: string): number {
    const id = this.#create(ACTIVE);
    this.#call('RDMA_USER_CM_CMD_RESOLVE_ADDR', {
      id,
      src_addr: from,
      src_size: packSocketAddress(from).length,
      dst_addr: to,
      dst_size: packSocketAddress(to).length,
      timeout_ms: STEP_TIMEOUT_MS,
    });
    this.#event('ADDR_RESOLVED');
    this.#call('RDMA_USER_CM_CMD_RESOLVE_ROUTE', { id, timeout_ms: STEP_TIMEOUT_MS });
    this.#event('ROUTE_RESOLVED');
    return id;
  }

  #parameters({ qp }: QpEnd) {
    const { retryCount = 7, rnrRetry = 7 } = this.#how;
    return {
      qp_num: Number(qp.fields['number'] ?? 0),
      valid: 1,
      responder_resources: this.#depth,
      initiator_depth: this.#depth,
      retry_count: retryCount,
      rnr_retry_count: rnrRetry,
    };
  }

  /** Tells the QP what the connection manager has for that state. */
  #bring({ verbs, qp }: QpEnd, id: number, state: QpState): void {
    const qp_state = QP_STATES.indexOf(state);
    const attr = this.#call('RDMA_USER_CM_CMD_INIT_QP_ATTR', { id, qp_state });
    const attributes = qpAttributes(attr, this.#how);
    if (attributes !== undefined) given(verbs.modifyQp(qp, attributes));
  }

  /**
   * The active side of RoCE is told of the answer and confirms it, and only the passive side is told
   * that the connection stands; in iWARP both are, since the driver did the rest.
   * Source: drivers/infiniband/core/cma.c, cma_ib_handler(), cma_iw_handler()
   */
  #finish(own: QpEnd, active: number): void {
    const first = this.#event('CONNECT_RESPONSE', 'ESTABLISHED');
    if (first.event === 'CONNECT_RESPONSE') {
      this.#bring(own, active, 'rtr');
      this.#bring(own, active, 'rts');
      this.#call('RDMA_USER_CM_CMD_ACCEPT', { id: active });
    }
    this.#event('ESTABLISHED');
  }
}
