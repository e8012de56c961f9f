import type {
  BufferObject,
  Device,
  Job,
  Provider,
  Session,
  SoftwareFence,
} from '../../providers/contract.ts';
import type { RdmaObject } from '../../providers/contract-verbs.ts';
import type { Mapping } from '../../uapi/mapping.ts';
import type { PeerProcess } from './peer-process.ts';
import type { PeerEnd } from './peer-protocol.ts';

/** What steps make and later steps refer to. Each kind says which fields a reference may name. */

export type Scalar = string | number | bigint | boolean;

/** Plain results: the fields of a struct after a call, of a stat. */
export type Fields = { readonly [name: string]: Scalar | Fields | readonly (Scalar | Fields)[] };

export interface SessionValue {
  readonly kind: 'session';
  /** Another one after it was taken away and made again. */
  device: Device;
  readonly provider: Provider;
  readonly session: Session;
  closed: boolean;
  /** Of a second descriptor: the session that it was duplicated from, with the same open file. */
  readonly duplicateOf?: SessionValue;
}

/** Whether two sessions are one open file, and so have the same objects. */
export function isSameFile(a: SessionValue, b: SessionValue): boolean {
  return (a.duplicateOf ?? a) === (b.duplicateOf ?? b);
}

export interface BufferValue {
  readonly kind: 'buffer';
  readonly owner: SessionValue;
  readonly buffer: BufferObject;
  freed: boolean;
}

/** An open file that is not a session. */
export interface DescriptorValue {
  readonly kind: 'dmabuf' | 'sync-file' | 'memory' | 'descriptor';
  readonly fd: number;
  closed: boolean;
}

export interface MappingValue {
  readonly kind: 'mapping';
  readonly mapping: Mapping;
}

export interface FenceValue {
  readonly kind: 'fence';
  readonly owner: SessionValue;
  readonly fence: SoftwareFence;
}

/** An object of an RDMA device. */
export interface RdmaValue {
  readonly kind: 'rdma';
  readonly object: RdmaObject;
  readonly owner: SessionValue;
  /** Shared by the values of one object: an MR that was changed has a value for its new keys. */
  readonly life: {
    destroyed: boolean;
    newest: RdmaObject;
    /** What it was given to after it was made: they go before it. */
    readonly users: RdmaValue[];
  };
  /** Of an MR over a mapping: where its first byte lies. */
  readonly memory?: { readonly mapping: Mapping; readonly offset: number };
  /** Of a CQ or a QP: what its events name it by. */
  readonly element?: bigint;
  /** Of a memory window: how it is known since the last bind that was posted. */
  window?: RdmaWindow | undefined;
}

/** A job of a session; its sync_file, if it has one, makes it a descriptor. */
export interface JobValue {
  readonly kind: 'job';
  readonly owner: SessionValue;
  readonly job: Job;
  /** The sync_file is closed, or there is none. */
  closed: boolean;
}

/** A process that runs steps in the background. */
export interface ProcessValue {
  readonly kind: 'process';
  readonly peer: PeerProcess;
  readonly expected: PeerEnd;
  joined: boolean;
}

export interface RdmaWindow {
  readonly rkey: number;
  /** The first byte of the window as its key sees it. */
  readonly address: bigint;
}

export interface RecordValue {
  readonly kind: 'record';
  readonly fields: Fields;
}

export type Value =
  | SessionValue
  | BufferValue
  | DescriptorValue
  | MappingValue
  | FenceValue
  | JobValue
  | ProcessValue
  | RdmaValue
  | RecordValue;

/** A case that its own loader should have refused, or a provider that breaks the contract. */
export class CaseDefect extends Error {
  override name = 'CaseDefect';
}

/** What `$name.field` can name. */
export function fieldsOf(value: Value): Fields {
  switch (value.kind) {
    case 'session':
      return { fd: value.session.fd, ...value.session.otherFds };
    case 'buffer': {
      const { size, handle, fd } = value.buffer;
      return {
        size,
        ...(handle === undefined ? {} : { handle }),
        ...(fd === undefined ? {} : { fd }),
      };
    }
    case 'mapping':
      return { length: value.mapping.length };
    case 'fence':
      return { id: value.fence.id };
    case 'job': {
      const { id, fence } = value.job;
      return { id, ...(fence === undefined ? {} : { fence, fd: fence }) };
    }
    case 'process':
      return { pid: value.peer.pid };
    case 'rdma':
      return rdmaFields(value);
    case 'record':
      return value.fields;
    case 'dmabuf':
    case 'sync-file':
    case 'memory':
    case 'descriptor':
      return { fd: value.fd };
  }
}

function rdmaFields({ object, window, element }: RdmaValue): Fields {
  const { handle, kind, fields } = object;
  const isFile = kind === 'channel' || kind === 'async-events';
  return {
    handle,
    ...(isFile ? { fd: handle } : {}),
    ...fields,
    ...(window === undefined ? {} : { rkey: window.rkey }),
    ...(element === undefined ? {} : { element }),
  };
}

/** What a value is called in failure texts and messages. */
export function kindOf(value: Value): string {
  return value.kind === 'rdma' ? value.object.kind : value.kind;
}

/** The descriptor behind a value, also of one that is closed: cases use stale ones on purpose. */
export function descriptorOf(value: Value | Scalar): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object') throw new CaseDefect(`${String(value)} is no descriptor`);
  const { fd } = fieldsOf(value);
  if (typeof fd !== 'number') throw new CaseDefect(`a ${kindOf(value)} has no descriptor`);
  return fd;
}

/** For failure texts: `dmabuf fd=7`. */
export function describe(value: Value): string {
  const fields = Object.entries(fieldsOf(value)).map(([name, field]) => `${name}=${show(field)}`);
  return [value.kind === 'record' ? '' : kindOf(value), ...fields]
    .filter((s) => s !== '')
    .join(' ');
}

/** Numbers beyond 64 Ki in hex, arrays in brackets. */
export function show(field: Fields[string]): string {
  if (Array.isArray(field)) return `[${field.map((item) => show(item)).join(' ')}]`;
  if (typeof field === 'object') {
    const inner = Object.entries(field as Fields).map(([name, item]) => `${name}=${show(item)}`);
    return `{${inner.join(' ')}}`;
  }
  if (typeof field === 'number' || typeof field === 'bigint') {
    return field > 0xffff ? `0x${field.toString(16)}` : String(field);
  }
  return String(field);
}
