/** What the host tells the guest's half, in a file that the guest's setup writes. */
export interface DrmWish {
  /** Of the suite, as `uapi-conform run` takes it. */
  readonly selection: readonly string[];
  /** One run of the suite instead of two, whose times count for nothing. */
  readonly isDraft: boolean;
  /** Absent where igt-gpu-tools is not to be run. */
  readonly igtTree?: string;
}

export const WISH_FILE = '/run/uapi-bench-drm.json';

/** The shell command that leaves the wish in the guest. */
export function wishCommand(wish: DrmWish): string {
  const text = JSON.stringify(wish).replaceAll("'", "'\\''");
  return `printf %s '${text}' > ${WISH_FILE}`;
}
