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

  /** Fires at the first press. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** Fires at a later press. */
  get kill(): AbortSignal {
    return this.#kill.signal;
  }

  /** Takes SIGINT and SIGTERM of this process until disposed. */
  listen(): this {
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
    return this;
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
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
  }
}
