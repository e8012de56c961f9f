/** The last is the end of the terminal, which node does not let a parent ignore for it (nohup). */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Ctrl-C in two steps: the first press cancels what has not started and keeps everything that is
 * known, a later one ends the target outright. Under npm one press arrives twice, so a repeat within
 * a second counts as the same.
 */
export class StopSignals implements Disposable {
  readonly #stop = new AbortController();
  readonly #kill = new AbortController();
  readonly #onSignal = () => this.press(Date.now());
  #firstPressAt = 0;
  #reason: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Why it stops, where nobody pressed anything. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Fires at the first press. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** Fires at a later press. */
  get kill(): AbortSignal {
    return this.#kill.signal;
  }

  /** Takes the signals of this process that end a run until disposed. */
  listen(): this {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    return this;
  }

  /** Stops by itself, as a first press would. */
  end(reason: string): void {
    if (this.#stop.signal.aborted) return;
    this.#reason = reason;
    this.press(Date.now());
  }

  /** The limit of the whole run. */
  endAfter(limitMs: number, reason: string): void {
    // Longer than a timer can be (2^31 ms, 24 days) is as good as none.
    if (limitMs >= 2 ** 31) return;
    this.#timer = setTimeout(() => this.end(reason), limitMs);
    this.#timer.unref();
  }

  press(nowMs: number): void {
    if (!this.#stop.signal.aborted) {
      this.#firstPressAt = nowMs;
      this.#stop.abort();
    } else if (nowMs - this.#firstPressAt >= 1000) {
      this.#kill.abort();
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }
}
