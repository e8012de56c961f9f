/** How a run deals with what goes wrong. */
export interface RunPolicy {
  /** Go on with a kernel that died, where it cannot be booted anew. */
  readonly keepGoing: boolean;
  /** How often a failure runs again that is a surprise or a known flake. */
  readonly reruns: number;
  /** Find out whether surprise failures depend on what ran before. */
  readonly investigate: boolean;
}
