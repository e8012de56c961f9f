import type { PageList } from '../page-list.ts';
import type { EventQueue } from './event-queue.ts';

/** How many objects need another one, which is busy for so long. */
export interface Parent {
  users: number;
}

/** Pages of doorbells that belong to one process. */
export interface DoorbellPages extends Parent {
  readonly send: number;
  readonly receive: number;
  readonly completion: number;
}

/** What a doorbell of a completion queue asked for. */
export type Arming = 'none' | 'any' | 'solicited';

export interface CompletionQueue extends Parent {
  readonly number: number;
  readonly pages: PageList;
  readonly depth: number;
  readonly eventQueue: EventQueue;
  /** Undefined for those that are rung in the pages that all share. */
  readonly doorbells: DoorbellPages | undefined;
  /** Entries written since it was made. */
  produced: number;
  /** How many there were with the last solicited one. */
  solicited: number;
  arming: Arming;
}

/** Rings of a queue pair; indexes count from the last reset and are taken modulo 2 ** 16. */
export interface Ring {
  readonly pages: PageList;
  readonly entries: number;
  /** As the last doorbell said. */
  producer: number;
  consumer: number;
}

export interface QueuePair {
  readonly number: number;
  readonly isDatagram: boolean;
  readonly pd: number;
  readonly sendCq: CompletionQueue;
  readonly recvCq: CompletionQueue;
  /** In blocks of 32 bytes, of which a request has one to four. */
  readonly sendRing: Ring;
  readonly recvRing: Ring;
  readonly doorbells: DoorbellPages | undefined;
  state: number;
  qkey: number;
  sqPsn: number;
  rqPsn: number;
  /** Who is at the other end. */
  peer: number;
  route: Route | undefined;
}

/** The way to another device. */
export interface Route {
  readonly gid: Buffer;
  readonly sourceIndex: number;
  readonly isIpv6: boolean;
  readonly trafficClass: number;
  readonly hopLimit: number;
  readonly serviceLevel: number;
  readonly flowLabel: number;
}

export interface AddressHandle {
  readonly number: number;
  readonly pd: number;
  readonly route: Route;
}

export interface MemoryRegion {
  readonly index: number;
  readonly pd: number;
  /** Made for requests that register: these change the rest, and end it. */
  readonly isFast: boolean;
  /** Of a fast one: where its page list is, and how many pages that has room for. */
  readonly list: { readonly address: number; readonly count: number; readonly shift: number };
  key: number;
  isValid: boolean;
  rights: number;
  start: bigint;
  length: number;
  /** Undefined: addresses are DMA addresses. */
  pages: PageList | undefined;
}

/**
 * Everything that commands have made. The driver numbers its objects itself, and protection domains are
 * nothing but numbers: no command makes one (erdma_verbs.c, erdma_alloc_pd()).
 */
export class Objects {
  readonly eqs = new Map<number, EventQueue>();
  readonly cqs = new Map<number, CompletionQueue>();
  readonly qps = new Map<number, QueuePair>();
  readonly mrs = new Map<number, MemoryRegion>();
  readonly ahs = new Map<number, AddressHandle>();
  readonly gids = new Map<number, Buffer>();
  /** By their number for sends. */
  readonly doorbellPages = new Map<number, DoorbellPages>();
  mtu = 1500;
}
