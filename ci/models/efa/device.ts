import { Mapping } from '../../../uapi/mapping.ts';
import { ftruncate } from '../../../uapi/sys-file.ts';
import { memfdCreate } from '../../../uapi/sys-memory.ts';
import { Refusal } from '../refusal.ts';
import type { Bar, DeviceModel, Host } from '../vfio-user/device.ts';
import { type AdminCommand, AdminQueue } from './admin-queue.ts';
import { AsyncEvents } from './async-events.ts';
import { createCq, destroyCq } from './completion-queues.ts';
import { DataPath, type ReadLlq } from './data-path.ts';
import {
  allocPd,
  allocUar,
  createAh,
  deallocPd,
  deallocUar,
  destroyAh,
} from './domain-commands.ts';
import { Doorbells } from './doorbells.ts';
import {
  attachEventCounter,
  createEventCounter,
  destroyEventCounter,
  detachEventCounter,
  modifyEventCounter,
} from './event-counters.ts';
import { createEq, destroyEq, ringEq } from './event-queues.ts';
import { Features } from './features.ts';
import {
  EFA_ADMIN_ALLOC_PD,
  EFA_ADMIN_ALLOC_UAR,
  EFA_ADMIN_ATTACH_EVENT_COUNTER,
  EFA_ADMIN_CREATE_AH,
  EFA_ADMIN_CREATE_CQ,
  EFA_ADMIN_CREATE_EQ,
  EFA_ADMIN_CREATE_EVENT_COUNTER,
  EFA_ADMIN_CREATE_QP,
  EFA_ADMIN_DEALLOC_PD,
  EFA_ADMIN_DEALLOC_UAR,
  EFA_ADMIN_DEREG_MR,
  EFA_ADMIN_DESTROY_AH,
  EFA_ADMIN_DESTROY_CQ,
  EFA_ADMIN_DESTROY_EQ,
  EFA_ADMIN_DESTROY_EVENT_COUNTER,
  EFA_ADMIN_DESTROY_QP,
  EFA_ADMIN_DETACH_EVENT_COUNTER,
  EFA_ADMIN_GET_FEATURE,
  EFA_ADMIN_GET_STATS,
  EFA_ADMIN_MAX_OPCODE,
  EFA_ADMIN_MODIFY_EVENT_COUNTER,
  EFA_ADMIN_MODIFY_QP,
  EFA_ADMIN_QUERY_QP,
  EFA_ADMIN_REG_MR,
  EFA_ADMIN_SET_FEATURE,
  efa_admin_mmio_req_read_less_resp,
} from './headers/efa-admin-cmds-defs.ts';
import { EFA_REGS_AQ_PROD_DB_OFF, EFA_REGS_EQ_DB_OFF } from './headers/efa-regs-defs.ts';
import {
  DOORBELL_BAR,
  DOORBELL_BAR_BYTES,
  LLQ_BAR,
  LLQ_BAR_BYTES,
  MSIX_VECTORS,
  REGISTER_BAR,
  REGISTER_BAR_BYTES,
} from './limits.ts';
import { deregisterMr, registerMr } from './memory-regions.ts';
import { Objects } from './objects.ts';
import { createQp, destroyQp, modifyQp, queryQp } from './queue-pairs.ts';
import { Registers } from './registers.ts';
import { Statistics } from './statistics.ts';

/** Amazon's Elastic Fabric Adapter of the second generation, as its driver sees it. */
export class EfaDevice implements DeviceModel {
  readonly identity = {
    vendorId: 0x1d0f,
    deviceId: 0xefa1,
    subsystemVendorId: 0x1d0f,
    subsystemId: 0xefa1,
    revision: 0,
    /** A network controller of no known kind. */
    classCode: 0x028000,
  };
  readonly bars: readonly Bar[];
  readonly msix = {
    vectors: MSIX_VECTORS,
    bar: REGISTER_BAR,
    tableOffset: 0x2000,
    pendingOffset: 0x3000,
  };
  readonly #host: Host;
  readonly #registers: Registers;
  readonly #admin: AdminQueue;
  readonly #features: Features;
  readonly #events: AsyncEvents;
  readonly #statistics = new Statistics();
  readonly #doorbells = new Doorbells();
  readonly #dataPath: DataPath;
  readonly #llq: Mapping;
  #objects = new Objects();

  constructor(host: Host) {
    this.#host = host;
    const llqFd = memfdCreate('efa-llq');
    ftruncate(llqFd, LLQ_BAR_BYTES);
    this.#llq = Mapping.map({ fd: llqFd, length: LLQ_BAR_BYTES });
    this.bars = [
      { index: REGISTER_BAR, sizeBytes: REGISTER_BAR_BYTES, is64Bit: false, isPrefetchable: false },
      {
        index: LLQ_BAR,
        sizeBytes: LLQ_BAR_BYTES,
        is64Bit: true,
        isPrefetchable: true,
        fd: llqFd,
      },
      { index: DOORBELL_BAR, sizeBytes: DOORBELL_BAR_BYTES, is64Bit: true, isPrefetchable: false },
    ];
    const readLlq: ReadLlq = (offset, length) => this.#llq.read(offset, length);
    this.#dataPath = new DataPath(host, () => this.#objects, this.#statistics, readLlq);
    this.#features = new Features(host);
    this.#registers = new Registers({
      answerRead: (...answer) => this.#answerRead(...answer),
      reset: () => this.#forget(),
    });
    this.#events = new AsyncEvents(host, this.#registers, this.#features);
    this.#admin = new AdminQueue(host, this.#registers, (command) => this.#carryOut(command));
  }

  /** Registers are never loaded from (efa_com.c): what hardware then gives is not known. */
  readBar(_bar: number, _offset: number, count: number): Buffer {
    return Buffer.alloc(count, 0xff);
  }

  writeBar(bar: number, offset: number, data: Buffer): void {
    if (bar === LLQ_BAR) this.#llq.write(offset, data);
    if (data.length !== 4 || offset % 4 !== 0) return;
    if (bar === REGISTER_BAR) this.#writeRegister(offset, data.readUInt32LE(0));
    if (bar === DOORBELL_BAR) this.#ring(offset, data.readUInt32LE(0));
  }

  reset(): void {
    this.#registers.powerOn();
    this.#forget();
  }

  get wakeAtMs(): number | undefined {
    const all = [this.#dataPath.nextMs, this.#events.nextMs].filter((at) => at !== undefined);
    return all.length === 0 ? undefined : Math.min(...all);
  }

  wake(): void {
    this.#dataPath.wake();
    this.#events.wake();
  }

  #ring(offset: number, value: number): void {
    const doorbell = this.#doorbells.at(offset);
    if (doorbell === undefined) return;
    if (doorbell.kind === 'cq') {
      const cq = doorbell.cq();
      if (cq !== undefined) this.#dataPath.ringCq(cq, value);
      return;
    }
    const qp = doorbell.qp();
    if (qp === undefined) return;
    if (doorbell.kind === 'send') this.#dataPath.ringSend(qp, value);
    else this.#dataPath.ringReceive(qp, value);
  }

  #forget(): void {
    this.#dataPath.reset();
    this.#events.reset();
    this.#objects = new Objects();
    this.#doorbells.reset();
    this.#admin.reset();
    this.#features.reset();
    this.#statistics.reset();
  }

  #writeRegister(offset: number, value: number): void {
    if (offset === EFA_REGS_AQ_PROD_DB_OFF) this.#admin.ring(value);
    else if (offset === EFA_REGS_EQ_DB_OFF) ringEq(this.#host, this.#objects, value);
    else this.#registers.write(offset, value);
  }

  /** The driver looks at the request's number, so that goes last. */
  #answerRead(address: number, requestId: number, offset: number, value: number): void {
    const answer = efa_admin_mmio_req_read_less_resp.make({
      req_id: requestId,
      reg_off: offset,
      reg_val: value,
    });
    this.#host.memory.publish(address, answer);
  }

  #carryOut(command: AdminCommand): Buffer {
    const { opcode, payload } = command;
    const objects = this.#objects;
    const doorbells = this.#doorbells;
    const actions = this.#dataPath;
    switch (opcode) {
      case EFA_ADMIN_GET_FEATURE:
        return this.#features.get(command);
      case EFA_ADMIN_SET_FEATURE:
        return this.#features.set(command);
      case EFA_ADMIN_GET_STATS:
        return this.#statistics.report(payload);
      case EFA_ADMIN_ALLOC_PD:
        return allocPd(objects);
      case EFA_ADMIN_DEALLOC_PD:
        return deallocPd(objects, payload);
      case EFA_ADMIN_ALLOC_UAR:
        return allocUar(objects);
      case EFA_ADMIN_DEALLOC_UAR:
        return deallocUar(objects, payload);
      case EFA_ADMIN_CREATE_AH:
        return createAh(objects, payload);
      case EFA_ADMIN_DESTROY_AH:
        return destroyAh(objects, payload);
      case EFA_ADMIN_CREATE_EQ:
        return createEq(objects, payload);
      case EFA_ADMIN_DESTROY_EQ:
        return destroyEq(objects, payload);
      case EFA_ADMIN_CREATE_CQ:
        return createCq(objects, doorbells, payload);
      case EFA_ADMIN_DESTROY_CQ:
        return destroyCq(objects, doorbells, payload);
      case EFA_ADMIN_CREATE_QP:
        return createQp(objects, doorbells, payload);
      case EFA_ADMIN_MODIFY_QP:
        return modifyQp(objects, actions, payload);
      case EFA_ADMIN_QUERY_QP:
        return queryQp(objects, payload);
      case EFA_ADMIN_DESTROY_QP:
        return destroyQp(objects, doorbells, actions, payload);
      case EFA_ADMIN_CREATE_EVENT_COUNTER:
        return createEventCounter(objects, payload);
      case EFA_ADMIN_DESTROY_EVENT_COUNTER:
        return destroyEventCounter(objects, payload);
      case EFA_ADMIN_ATTACH_EVENT_COUNTER:
        return attachEventCounter(objects, payload);
      case EFA_ADMIN_DETACH_EVENT_COUNTER:
        return detachEventCounter(objects, payload);
      case EFA_ADMIN_MODIFY_EVENT_COUNTER:
        return modifyEventCounter(objects, this.#host, payload);
      case EFA_ADMIN_REG_MR:
        return registerMr(objects, this.#host.memory, command);
      case EFA_ADMIN_DEREG_MR:
        return deregisterMr(objects, payload);
      default: {
        const isKnown = opcode > 0 && opcode <= EFA_ADMIN_MAX_OPCODE;
        throw new Refusal(isKnown ? 'unsupported' : 'opcode', 'there is no such command');
      }
    }
  }
}
