/** What the steps of a point made, to be given back in reverse order whatever happened. */
export class ReleaseStack {
  readonly #entries: { readonly what: string; readonly release: () => number }[] = [];

  /** @param release gives an errno, 0 for success or nothing to do */
  push(what: string, release: () => number): void {
    this.#entries.push({ what, release });
  }

  get depth(): number {
    return this.#entries.length;
  }

  /** Releases what came after `depth`; gives what could not be released, with the errno. */
  releaseTo(depth: number): readonly { readonly what: string; readonly errno: number }[] {
    const failed: { what: string; errno: number }[] = [];
    while (this.#entries.length > depth) {
      const entry = this.#entries.pop();
      const errno = entry?.release() ?? 0;
      if (entry !== undefined && errno !== 0) failed.push({ what: entry.what, errno });
    }
    return failed;
  }
}
