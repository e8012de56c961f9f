/**
 * What is known of a driver before it is run: which points fail, fail now and then, or must not run.
 * The lists are `ci/expectations/<driver>[-<board>]/{fails,flakes,skips}`; their format is explained in
 * ci/expectations/README.md.
 */
import type { ExpectationEntry, ListName } from './expectation-entry.ts';
import { compareKernelVersions, parseKernelVersion } from './kernel-version.ts';

/** Where and when a run takes place: decides which entries hold. */
export interface Circumstances {
  /** Release of the target's kernel. */
  readonly kernel: string;
  /** `2026-11-21`, UTC. */
  readonly today: string;
  readonly board?: string;
}

/** The part of a device that names its expectation folder. */
export interface ExpectedDevice {
  readonly provider: string;
  readonly driver: string;
}

/** The lists of all folders, and which of their entries were of use. */
export class Expectations {
  readonly #folders: ReadonlyMap<string, readonly ExpectationEntry[]>;
  readonly #circumstances: Circumstances;
  readonly #used = new Set<ExpectationEntry>();
  readonly #ended = new Set<ExpectationEntry>();
  readonly #askedFolders = new Set<string>();

  constructor(
    folders: ReadonlyMap<string, readonly ExpectationEntry[]>,
    circumstances: Circumstances,
  ) {
    this.#folders = folders;
    this.#circumstances = circumstances;
  }

  /**
   * What a point with these devices is expected to come to. The board's folder decides before the
   * driver's, and in a folder a flake before a failure: what fails now and then may pass.
   */
  find(id: string, devices: readonly ExpectedDevice[]): ExpectationEntry | undefined {
    const entries = this.#matching(id, devices);
    for (const folder of expectationFolders(devices, this.#circumstances.board)) {
      const ofFolder = entries.get(folder) ?? [];
      const found = firstOf('flakes', ofFolder) ?? firstOf('fails', ofFolder);
      if (found) return found;
    }
    return undefined;
  }

  /**
   * Why a point with these devices must not run. An entry of any folder is enough: it may be there
   * because the machine does not survive.
   */
  findSkip(id: string, devices: readonly ExpectedDevice[]): ExpectationEntry | undefined {
    return firstOf('skips', [...this.#matching(id, devices).values()].flat());
  }

  /** The point cannot run here, for another reason: entries for points of its case are not stale. */
  sawSkipped(caseId: string): void {
    for (const entry of [...this.#folders.values()].flat()) {
      if (entry.matchesCase(caseId)) this.#used.add(entry);
    }
  }

  /**
   * What is to be said of a board without lists, and of the entries of the folders that were asked:
   * those past their day, those that ended with an older kernel than this one, and where `all` points
   * were planned those that matched nothing.
   */
  remarks(all: boolean): string[] {
    const entries = [...this.#askedFolders].flatMap((folder) => this.#folders.get(folder) ?? []);
    const past = entries.flatMap((entry) => pastDay(entry, this.#circumstances.today) ?? []);
    const unmatched = entries.filter((entry) => this.#holds(entry) && !this.#used.has(entry));
    const unknown = unmatched.map(({ place, pattern }) => {
      return `${place}: the entry '${pattern}' matches no point: correct or remove it`;
    });
    return [...this.#boardRemark(), ...past, ...(all ? unknown : []), ...this.#endedRemark()];
  }

  /** Most likely it is misspelt: nothing else would tell that its lists are not used. */
  #boardRemark(): string[] {
    const { board } = this.#circumstances;
    if (board === undefined) return [];
    const isKnown = [...this.#folders.keys()].some((folder) => folder.endsWith(`-${board}`));
    return isKnown
      ? []
      : [`no list is of the board '${board}': there is no folder <driver>-${board}`];
  }

  /** Not stale while older kernels are tested too, so they share one line. */
  #endedRemark(): string[] {
    if (this.#ended.size === 0) return [];
    const places = [...this.#ended].map(({ place }) => place).join(', ');
    return [
      `not used, because kernel ${this.#circumstances.kernel} is past their until: ${places}`,
    ];
  }

  #matching(
    id: string,
    devices: readonly ExpectedDevice[],
  ): ReadonlyMap<string, readonly ExpectationEntry[]> {
    const found = new Map<string, readonly ExpectationEntry[]>();
    for (const folder of expectationFolders(devices, this.#circumstances.board)) {
      this.#askedFolders.add(folder);
      const matching = (this.#folders.get(folder) ?? []).filter((entry) => entry.matches(id));
      for (const entry of matching) this.#note(entry);
      found.set(
        folder,
        matching.filter((entry) => this.#holds(entry)),
      );
    }
    return found;
  }

  #note(entry: ExpectationEntry): void {
    if (this.#holds(entry)) this.#used.add(entry);
    else if (entry.until?.kind === 'kernel' && isPastKernel(entry, this.#circumstances.kernel)) {
      this.#ended.add(entry);
    }
  }

  #holds(entry: ExpectationEntry): boolean {
    return holds(entry, this.#circumstances);
  }
}

/** The folders that speak of these devices. What is said of the board outranks what is said of the driver. */
export function expectationFolders(
  devices: readonly ExpectedDevice[],
  board: string | undefined,
): ReadonlySet<string> {
  const names = devices.flatMap(({ provider, driver }) => [provider, driver]);
  const boards = board === undefined ? [] : names.map((name) => `${name}-${board}`);
  return new Set([...boards, ...names]);
}

/** The entry speaks of this kernel and this day. */
export function holds(entry: ExpectationEntry, { kernel, today }: Circumstances): boolean {
  if (entry.until?.kind === 'day' && entry.until.day < today) return false;
  if (isPastKernel(entry, kernel)) return false;
  const running = parseKernelVersion(kernel);
  if (!running) return true;
  return entry.kernels.every(({ comparison, version }) => {
    const order = compareKernelVersions(running, version);
    return comparison === '>=' ? order >= 0 : order < 0;
  });
}

/** What is to be said of an entry whose day is over. */
export function pastDay(entry: ExpectationEntry, today: string): string | undefined {
  const { until, place, pattern } = entry;
  if (until?.kind !== 'day' || until.day >= today) return undefined;
  return `${place}: the entry '${pattern}' ended on ${until.day}: renew or remove it`;
}

function isPastKernel({ until }: ExpectationEntry, kernel: string): boolean {
  const running = parseKernelVersion(kernel);
  if (until?.kind !== 'kernel' || !running) return false;
  return compareKernelVersions(running, until.version) >= 0;
}

function firstOf(
  list: ListName,
  entries: readonly ExpectationEntry[],
): ExpectationEntry | undefined {
  return entries.find((entry) => entry.list === list);
}
