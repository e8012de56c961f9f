interface Entry {
  readonly what: string;
  readonly release: () => number;
}

/** What the steps of a point made, to be given back in reverse order whatever happened. */
export class ReleaseStack {
  readonly #entries: Entry[] = [];
  readonly #last: Entry[] = [];
  readonly #left: string[] = [];
  /**
   * Whether all objects of the point are entered here. Those that a raw ioctl made are not: what is
   * still there before a session closes is then no driver's leak.
   */
  readonly isComplete: boolean;

  constructor(isComplete = true) {
    this.isComplete = isComplete;
  }

  /** @param release gives an errno, 0 for success or nothing to do */
  push(what: string, release: () => number): void {
    this.#entries.push({ what, release });
  }

  /** Released when nothing else is left: what waits for all the rest to be given back. */
  pushLast(what: string, release: () => number): void {
    this.#last.push({ what, release });
  }

  /** Says that something stayed although everything was released. */
  stayed(texts: readonly string[]): void {
    this.#left.push(...texts);
  }

  /** What stayed, in words. */
  get left(): readonly string[] {
    return this.#left;
  }

  get depth(): number {
    return this.#entries.length;
  }

  /** Releases what came after `depth`; gives what could not be released, with the errno. */
  releaseTo(depth: number): readonly { readonly what: string; readonly errno: number }[] {
    const failed: { what: string; errno: number }[] = [];
    while (this.#entries.length > depth || (depth === 0 && this.#last.length > 0)) {
      const entry = this.#entries.pop() ?? this.#last.pop();
      const errno = entry?.release() ?? 0;
      if (entry !== undefined && errno !== 0) failed.push({ what: entry.what, errno });
    }
    return failed;
  }
}
