import type { LinkPath as LinkPathArgument, Size } from '../../../cases/types.gen.ts';
import type { Address, LinkPath } from '../../../providers/contract-verbs.ts';
import type { Scope } from '../scope.ts';
import { CaseDefect, type SessionValue } from '../values.ts';
import { numberOf, wordOf } from './rdma-arguments.ts';
import { rdmaOf, verbsOf } from './rdma-held.ts';

interface AddressArguments {
  /** A QP: where its session is reached. */
  readonly to?: string;
  readonly gid?: string;
  readonly gidIndex?: Size;
  readonly port?: Size;
  readonly path?: LinkPathArgument;
}

const PATHS = [
  'clean',
  'loss',
  'drop-half',
  'delay',
  'duplicate',
  'reorder',
  'dead',
] as const satisfies readonly LinkPath[];

/** Absent stays absent. */
export function pathOf(path: LinkPathArgument | undefined, scope: Scope): LinkPath | undefined {
  return path === undefined ? undefined : wordOf(path, PATHS, scope);
}

/** Where a step sends to: the far side's GID, from the own port and the own entry of its table. */
export function addressOf(args: AddressArguments, own: SessionValue, scope: Scope): Address {
  const path = pathOf(args.path, scope);
  const far =
    args.to === undefined ? undefined : localAddress(rdmaOf(args.to, scope, 'qp').owner, path);
  const gid = args.gid === undefined ? far?.gid : String(scope.scalar(args.gid));
  if (gid === undefined) throw new CaseDefect(`an address is 'to' a QP, or a 'gid'`);
  return {
    gid,
    lid: far?.lid ?? 0,
    gidIndex: numberOf(args.gidIndex, scope) ?? localAddress(own, path).gidIndex,
    port: numberOf(args.port, scope) ?? localAddress(own, path).port,
  };
}

function localAddress(session: SessionValue, path: LinkPath | undefined): Address {
  const address = verbsOf(session).localAddress(path);
  if (address !== undefined) return address;
  const lacks = path === undefined ? 'rdma-port' : 'impaired-paths';
  throw new CaseDefect(`${session.device.address} has no address there; the case lacks ${lacks}`);
}
