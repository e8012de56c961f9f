/** Cases that a draft measures alone, in a file that the guest's setup writes; absent for all. */
export const IDS_FILE = '/run/uapi-bench-rdma.json';

/** The shell command that leaves the ids in the guest. */
export function idsCommand(ids: readonly string[]): string {
  const text = JSON.stringify(ids).replaceAll("'", "'\\''");
  return `printf %s '${text}' > ${IDS_FILE}`;
}
