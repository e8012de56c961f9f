import { existsSync } from 'node:fs';
import type { DeviceRecord } from '../../../reports/results.ts';
import type { WireOutcome, WirePoint } from '../../protocol.ts';
import type { MovedNodes } from '../worker-protocol.ts';
import { type DmaBuf, DmaBufWatch } from './dma-bufs.ts';
import { ModuleWatch } from './driver-modules.ts';
import { holderOf } from './holders.ts';
import { Taint } from './kernel-facts.ts';
import { KernelLog } from './kernel-log.ts';
import { forgetKmemleak, kmemleakNotes } from './kmemleak.ts';
import { isLockdepOn } from './lockdep.ts';
import { LogWriter, rearmWarnings } from './log-writer.ts';
import { lookAgain } from './patience.ts';
import { PointLog } from './point-log.ts';
import type { RdmaWatch } from './rdma-resources.ts';
import { slabCounts, slabNote } from './slabs.ts';

/** What a running point has seen of the kernel so far. */
interface View {
  readonly taintBefore: number;
  readonly startedNs: bigint;
  readonly log: PointLog;
  readonly signs: string[];
  /** Points that ran meanwhile, by id: what the kernel said may have been theirs. */
  readonly beside: Set<string>;
}

/** What is known of a point that ended. */
interface Ended {
  /** Its worker cannot be killed, and keeps what it holds. */
  readonly isStuck: boolean;
  /** Devices that have another node since. */
  readonly moved: MovedNodes;
}

/** What the agent adds to a worker's outcome. */
export type KernelView = Required<
  Pick<
    WireOutcome,
    'durationMs' | 'kernelLog' | 'taintBefore' | 'taintAfter' | 'beside' | 'signs' | 'leftBehind'
  >
>;

/** A point as the kernel watch saw it. */
export interface Watched {
  readonly view: KernelView;
  /** What a reader must know of any point, also of one that passed. */
  readonly notes: readonly string[];
}

/** Looks after the kernel around each point: what it logs, its taint, its locks, what stays. */
export class KernelWatch {
  readonly #log = KernelLog.open();
  readonly #writer = new LogWriter();
  readonly #dmaBufs = new DmaBufWatch();
  readonly #views = new Map<WirePoint, View>();
  readonly #nodes = new Map<string, string>();
  readonly #modules = new ModuleWatch();
  #rdma: RdmaWatch | undefined;
  #slabs: ReadonlyMap<string, number> = new Map();
  readonly #taintFile = new Taint();
  #taint = this.#taintFile.bits;
  #lockdep = isLockdepOn();
  /** Counts what the log brought: a sign of life of a point that seems to hang. */
  #logged = 0;

  /**
   * @param records the devices whose nodes and modules must not vanish
   * @returns what cannot be watched here, in words for people
   */
  async start(records: readonly DeviceRecord[]): Promise<readonly string[]> {
    const notes: string[] = [];
    for (const { address, node } of records) this.#nodes.set(address, node);
    this.#modules.start(records);
    if (!this.#log.isReadable) {
      notes.push('the kernel log cannot be read here: run as root, or see kernel.dmesg_restrict');
    }
    if (!this.#dmaBufs.start()) {
      notes.push('dma-buf leaks are not seen here: debugfs dma_buf/bufinfo cannot be read');
    }
    notes.push(...(await this.#startRdma(records)));
    this.#slabs = slabCounts();
    forgetKmemleak();
    return notes;
  }

  /**
   * What only shows over a whole run; to be asked once, when no point is to come. Takes seconds where
   * the kernel has kmemleak.
   */
  atRest(): readonly string[] {
    return [...slabNote(this.#slabs, slabCounts()), ...kmemleakNotes()];
  }

  get isLogReadable(): boolean {
    return this.#log.isReadable;
  }

  /** Its code is loaded only where there is such a device: others pay nothing. */
  async #startRdma(records: readonly DeviceRecord[]): Promise<readonly string[]> {
    if (!records.some(({ node }) => isRdmaNode(node))) return [];
    const { RdmaWatch } = await import('./rdma-resources.ts');
    this.#rdma = await RdmaWatch.start(records);
    if (this.#rdma !== undefined) return [];
    return ['leaks of RDMA objects are not seen here: the kernel does not count them for us'];
  }

  /** @param expectLog lines that the case announced, as regular expressions */
  begin(point: WirePoint, expectLog: readonly string[]): void {
    this.#read();
    const beside = new Set<string>();
    for (const [other, view] of this.#views) {
      beside.add(other.id);
      view.beside.add(point.id);
    }
    const startedNs = process.hrtime.bigint();
    const log = new PointLog(expectLog);
    const view = { taintBefore: this.#taint, startedNs, log, signs: [], beside };
    this.#views.set(point, view);
    this.#writer.mark(point.id);
  }

  async end(point: WirePoint, { isStuck, moved }: Ended): Promise<Watched> {
    const view = this.#views.get(point);
    if (view === undefined) throw new Error(`${point.id} ends, but did not begin`);
    const durationMs = Number(process.hrtime.bigint() - view.startedNs) / 1e6;
    const addresses = Object.values(point.devices);
    const stayed = await this.#dmaBufs.left(point, [...this.#views.keys()]);
    const objects = (await this.#rdma?.left(addresses)) ?? [];
    const modules = await this.#modules.news(addresses, !isStuck && view.beside.size === 0);
    await this.#awaitLines(view);
    this.#views.delete(point);
    return {
      notes: view.log.isTorn ? [`kernel log records were lost while ${point.id} ran`] : [],
      view: {
        durationMs,
        kernelLog: view.log.lines(),
        taintBefore: view.taintBefore,
        taintAfter: this.#taint,
        beside: [...view.beside],
        signs: [...view.signs, ...this.#vanished(point, moved), ...modules.signs],
        leftBehind: [...stayed.flatMap(describeLeak), ...objects, ...modules.leaks],
      },
    };
  }

  /** Reads the log; what is announced may be logged a little later, by a thread of the kernel. */
  async #awaitLines({ log }: View): Promise<void> {
    this.#read();
    if (log.isComplete) return;
    const look = async () => {
      this.#read();
      return log.isComplete || !this.isLogReadable;
    };
    await lookAgain(look, (isOver) => isOver);
  }

  /** Lines logged so far, read now: changes while something still happens. */
  activity(): number {
    this.#read();
    return this.#logged;
  }

  get taint(): number {
    return this.#taint;
  }

  /** What is new belongs to every point that runs: nobody can tell which of them it was. */
  #read(): void {
    this.#taint = this.#taintFile.bits;
    const before = this.#logged;
    let hasSign = false;
    this.#log.drain((line) => {
      this.#logged++;
      hasSign ||= line.sign !== undefined;
      for (const { log } of this.#views.values()) log.add(line);
    });
    if (this.#logged === before) return;
    if (hasSign) rearmWarnings();
    const signs = this.#lockdepSigns();
    for (const view of this.#views.values()) view.signs.push(...signs);
  }

  /** Lockdep never goes without a word, so looking after each new line is enough. */
  #lockdepSigns(): readonly string[] {
    if (this.#lockdep !== true || isLockdepOn() !== false) return [];
    this.#lockdep = false;
    return ['lockdep switched itself off'];
  }

  #vanished(point: WirePoint, moved: MovedNodes): readonly string[] {
    return Object.values(point.devices).flatMap((address) => {
      const node = this.#nodes.get(address);
      if (node === undefined || existsSync(node)) return [];
      const another = moved[address];
      if (another !== undefined && existsSync(another)) {
        this.#nodes.set(address, another);
        return [];
      }
      this.#nodes.delete(address);
      return [`${address} vanished: ${node} is gone`];
    });
  }
}

/** Whether a device's node is one of the RDMA core's. */
function isRdmaNode(node: string): boolean {
  return node.startsWith('/dev/infiniband/');
}

/** Nothing for a buffer that another process holds: on a shared machine it may well be its own. */
function describeLeak({ sizeBytes, exporter, inode }: DmaBuf): readonly string[] {
  if (holderOf(inode) !== undefined) return [];
  return [`a dma-buf of ${sizeBytes} bytes from ${exporter} (inode ${inode})`];
}
