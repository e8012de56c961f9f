import type { Size } from '../../../cases/types.gen.ts';
import type { Address } from '../../../providers/contract-verbs.ts';
import type { Scope } from '../scope.ts';
import { CaseDefect, type SessionValue } from '../values.ts';
import { numberOf } from './rdma-arguments.ts';
import { rdmaOf, verbsOf } from './rdma-held.ts';

interface AddressArguments {
  /** A QP: where its session is reached. */
  readonly to?: string;
  readonly gid?: string;
  readonly gidIndex?: Size;
  readonly port?: Size;
}

/** Where a step sends to: the far side's GID, from the own port and the own entry of its table. */
export function addressOf(args: AddressArguments, own: SessionValue, scope: Scope): Address {
  const far = args.to === undefined ? undefined : localAddress(rdmaOf(args.to, scope, 'qp').owner);
  const gid = args.gid === undefined ? far?.gid : String(scope.scalar(args.gid));
  if (gid === undefined) throw new CaseDefect(`an address is 'to' a QP, or a 'gid'`);
  return {
    gid,
    lid: far?.lid ?? 0,
    gidIndex: numberOf(args.gidIndex, scope) ?? localAddress(own).gidIndex,
    port: numberOf(args.port, scope) ?? localAddress(own).port,
  };
}

function localAddress(session: SessionValue): Address {
  const address = verbsOf(session).localAddress();
  if (address !== undefined) return address;
  throw new CaseDefect(`${session.device.address} has no address; the case lacks rdma-port`);
}
