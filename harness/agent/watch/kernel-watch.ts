import { existsSync } from 'node:fs';
import type { DeviceRecord, KernelLine } from '../../../reports/results.ts';
import type { WireOutcome, WirePoint } from '../../protocol.ts';
import { type DmaBuf, DmaBufWatch } from './dma-bufs.ts';
import { holderOf } from './holders.ts';
import { taint } from './kernel-facts.ts';
import { KernelLog } from './kernel-log.ts';
import { isLockdepOn } from './lockdep.ts';
import { LogWriter, rearmWarnings } from './log-writer.ts';

/** What a running point has seen of the kernel so far. */
interface View {
  readonly taintBefore: number;
  readonly startedNs: bigint;
  readonly lines: KernelLine[];
  readonly signs: string[];
  /** Points that ran meanwhile, by id: what the kernel said may have been theirs. */
  readonly beside: Set<string>;
}

/** What the agent adds to a worker's outcome. */
export type KernelView = Required<
  Pick<
    WireOutcome,
    'durationMs' | 'kernelLog' | 'taintBefore' | 'taintAfter' | 'beside' | 'signs' | 'leftBehind'
  >
>;

/** Looks after the kernel around each point: what it logs, its taint, its locks, what stays. */
export class KernelWatch {
  readonly #log = KernelLog.open();
  readonly #writer = new LogWriter();
  readonly #dmaBufs = new DmaBufWatch();
  readonly #views = new Map<WirePoint, View>();
  readonly #nodes = new Map<string, string>();
  #taint = taint();
  #lockdep = isLockdepOn();
  /** Counts what the log brought: a sign of life of a point that seems to hang. */
  #logged = 0;

  /** @returns what cannot be watched here, in words for people */
  async start(): Promise<readonly string[]> {
    const notes: string[] = [];
    if (!this.#log.isReadable) {
      notes.push('the kernel log cannot be read here: run as root, or see kernel.dmesg_restrict');
    }
    if (!(await this.#dmaBufs.start())) {
      notes.push('dma-buf leaks are not seen here: debugfs dma_buf/bufinfo cannot be read');
    }
    return notes;
  }

  /** The devices whose nodes must not vanish. */
  devices(records: readonly DeviceRecord[]): void {
    for (const { address, node } of records) this.#nodes.set(address, node);
  }

  begin(point: WirePoint): void {
    this.#read();
    const beside = new Set<string>();
    for (const [other, view] of this.#views) {
      beside.add(other.id);
      view.beside.add(point.id);
    }
    const startedNs = process.hrtime.bigint();
    const view = { taintBefore: this.#taint, startedNs, lines: [], signs: [], beside };
    this.#views.set(point, view);
    this.#writer.mark(point.id);
  }

  async end(point: WirePoint): Promise<KernelView> {
    const view = this.#views.get(point);
    if (view === undefined) throw new Error(`${point.id} ends, but did not begin`);
    const durationMs = Number(process.hrtime.bigint() - view.startedNs) / 1e6;
    const stayed = await this.#dmaBufs.left(point, [...this.#views.keys()]);
    this.#read();
    this.#views.delete(point);
    return {
      durationMs,
      kernelLog: view.lines,
      taintBefore: view.taintBefore,
      taintAfter: this.#taint,
      beside: [...view.beside],
      signs: [...view.signs, ...this.#vanished(point)],
      leftBehind: stayed.flatMap(describeLeak),
    };
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
    this.#taint = taint();
    const lines = this.#log.drain();
    if (lines.length === 0) return;
    this.#logged += lines.length;
    if (lines.some(({ sign }) => sign !== undefined)) rearmWarnings();
    const signs = this.#lockdepSigns();
    for (const view of this.#views.values()) {
      view.lines.push(...lines);
      view.signs.push(...signs);
    }
  }

  /** Lockdep never goes without a word, so looking after each new line is enough. */
  #lockdepSigns(): readonly string[] {
    if (this.#lockdep !== true || isLockdepOn() !== false) return [];
    this.#lockdep = false;
    return ['lockdep switched itself off'];
  }

  #vanished(point: WirePoint): readonly string[] {
    return Object.values(point.devices).flatMap((address) => {
      const node = this.#nodes.get(address);
      if (node === undefined || existsSync(node)) return [];
      this.#nodes.delete(address);
      return [`${address} vanished: ${node} is gone`];
    });
  }
}

/** Nothing for a buffer that another process holds: on a shared machine it may well be its own. */
function describeLeak({ sizeBytes, exporter, inode }: DmaBuf): readonly string[] {
  if (holderOf(inode) !== undefined) return [];
  return [`a dma-buf of ${sizeBytes} bytes from ${exporter} (inode ${inode})`];
}
