import { E, type Errno, errnoName } from '../../uapi/errno.ts';
import type { Capability } from '../contract.ts';

/** Reasons by capability; what is there has none. */
export type Missing = Partial<Record<Capability, string>>;

const NO_SRD = 'scalable reliable datagrams are a transport of EFA';
/** What one driver alone has, by its name, with the reason of all others. */
const OWNED: Readonly<Record<string, Missing>> = {
  efa: {
    'qp-srd': NO_SRD,
    'srd-read': NO_SRD,
    'srd-write': NO_SRD,
    'srd-retries': NO_SRD,
    'datagram-longest': 'datagrams are as long as the MTU of the port',
    'cq-memory': 'only EFA is told here where a CQ is to be',
  },
  mlx5: { devx: 'commands of the device are a matter of mlx5' },
};

/** What a driver lacks because another one alone has it. */
export function ownedByOthers(driver: string): Missing {
  const others = Object.entries(OWNED).filter(([owner]) => owner !== driver);
  return Object.assign({}, ...others.map(([, owned]) => owned));
}

/** `EOPNOTSUPP from …` */
export function refusal({ errno, call }: { readonly errno: Errno; readonly call: string }): string {
  // The call's arguments are in the call log, and addresses would differ from run to run.
  return `${errnoName(errno)} from ${call.replace(/ ?\(.*/s, '')}`;
}

/** A page could not be registered: says the limit, which is what most often is in the way. */
export function registerRefusal(failure: { readonly errno: Errno; readonly call: string }): string {
  if (failure.errno !== E.ENOMEM) return refusal(failure);
  return `${refusal(failure)}: raise the limit of locked memory (ulimit -l unlimited)`;
}

/** Whether a trial was answered as an operation that is not there. */
export function isUnsupported(errno: Errno): boolean {
  return errno === E.EOPNOTSUPP || errno === E.EPROTONOSUPPORT || errno === E.ENOSYS;
}
