import type { LinkPath, RdmaVerbs } from '../contract-verbs.ts';

/** The IP address that the connection manager knows a device by, as the host of a socket address. */
export function cmHost(verbs: RdmaVerbs, path?: LinkPath): string | undefined {
  const gid = verbs.localAddress(path)?.gid;
  if (gid === undefined) return undefined;
  const [, v4] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(gid) ?? [];
  return v4 ?? `[${gid}]`;
}
