/** The user's input or command line is wrong: one message that names the place and the mend. Exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** What the run needs is missing or went away: a VM, a package, a device, a disk. Exit code 3. */
export class InfraError extends Error {
  override name = 'InfraError';
}
