import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { SEEK_END } from '../../uapi/constants.ts';
import { E } from '../../uapi/errno.ts';
import { IB_UVERBS_ACCESS_LOCAL_WRITE } from '../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import { tryLseek } from '../../uapi/sys-file.ts';
import type { BufferObject, Session } from '../contract.ts';
import type { RdmaObject } from '../contract-verbs.ts';
import type { Context } from './context.ts';
import { destroy } from './destroy.ts';
import { allocPd } from './memory.ts';
import { regDmabufMr } from './more-memory.ts';

/** An MR with the PD that is there for it alone. */
interface Import {
  readonly mr: RdmaObject;
  readonly pd: RdmaObject;
}

type Importer = Required<Pick<Session, 'importDmabuf' | 'free'>>;

/**
 * An imported buffer is an MR over the whole of it, in a PD of its own. A device that takes no dma-bufs
 * answers EOPNOTSUPP.
 */
export function importer(context: Context): Importer {
  const imports = new WeakMap<BufferObject, Import>();
  return {
    importDmabuf(dmabuf) {
      const imported = importWhole(context, dmabuf);
      if (!imported.ok) return imported;
      const { size, ...objects } = imported.value;
      const buffer = { size, handle: objects.mr.handle };
      imports.set(buffer, objects);
      return { ok: true, value: buffer };
    },
    free(buffer) {
      const known = imports.get(buffer);
      if (known === undefined)
        return { ok: false, errno: E.ENOENT, call: 'an MR that is not known' };
      const gone = destroy(context, known.mr, {});
      if (!gone.ok) return gone;
      destroy(context, known.pd, {});
      return { ok: true, value: undefined };
    },
  };
}

function importWhole(
  context: Context,
  dmabuf: number,
): CallOutcome<Import & { readonly size: bigint }> {
  const end = tryLseek(dmabuf, 0, SEEK_END);
  if (end.errno !== 0) return { ok: false, errno: end.errno, call: 'lseek of a dma-buf' };
  const pd = allocPd(context, {});
  if (!pd.ok) return pd;
  const size = BigInt(end.ret);
  const mr = regDmabufMr(context, {
    pd: pd.value,
    dmabuf,
    offset: 0n,
    length: size,
    iova: 0n,
    access: IB_UVERBS_ACCESS_LOCAL_WRITE,
  });
  if (mr.ok) return { ok: true, value: { mr: mr.value, pd: pd.value, size } };
  destroy(context, pd.value, {});
  // Its arguments are in the call log; in a cell of the grid they would only differ.
  return { ...mr, call: 'REG_DMABUF_MR' };
}
