/** Why a target went away, with what its console said last. */
export interface TargetLoss {
  readonly kind: 'panic' | 'boot-failure' | 'boot-timeout' | 'exited' | 'closed';
  /** One line for people. */
  readonly message: string;
  /** The last console text, at most 16 KiB; empty where the target has no console. */
  readonly console: string;
  /** What the console said went wrong since the boot, oldest first; points may have had some of it before. */
  readonly signs?: readonly string[];
}

/** A pair of streams to an agent, and the news that the target behind them is gone. */
export interface TargetConnection {
  readonly input: NodeJS.WritableStream;
  readonly output: NodeJS.ReadableStream;
  /** Resolves once, when the target is gone for whatever reason. Never rejects. */
  readonly lost: Promise<TargetLoss>;
  /** Ends the target; resolves when its processes are gone. May be called again. */
  close(): Promise<void>;
}

/** Where the drivers are: this machine, a VM, a board. Targets differ only in how the streams are made. */
export interface Target {
  /** As the user names it: `local`, `vm:debian-6.12`, `ssh:board`. */
  readonly name: string;
  /** True when connect() may be called again after a loss. */
  readonly canReturn: boolean;
  /**
   * True when connect() gives a kernel that was booted anew, so that one which died is left behind.
   * Without it only the agent is another one.
   */
  readonly bootsAnew?: boolean;
  /** Factor on every time limit: emulated targets are slower. */
  readonly timeoutScale: number;
  /**
   * Makes the streams; the agent behind them has been started but has not been spoken to.
   * @param stop the user wants no target any more
   * @throws InfraError when the target cannot be had.
   */
  connect(say: (line: string) => void, stop?: AbortSignal): Promise<TargetConnection>;
}
