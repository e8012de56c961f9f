import { must, mustBeIdle, mustFind, mustFit } from '../refusal.ts';
import {
  efa_admin_alloc_pd_resp,
  efa_admin_alloc_uar_resp,
  efa_admin_create_ah_cmd,
  efa_admin_create_ah_resp,
  efa_admin_dealloc_pd_cmd,
  efa_admin_dealloc_pd_resp,
  efa_admin_dealloc_uar_cmd,
  efa_admin_dealloc_uar_resp,
  efa_admin_destroy_ah_cmd,
  efa_admin_destroy_ah_resp,
} from './headers/efa-admin-cmds-defs.ts';
import type { Objects, ProtectionDomain } from './objects.ts';

/** Protection domains, UARs and address handles. */

export function findPd({ pds }: Objects, id: number): ProtectionDomain {
  return mustFind(pds.get(id), `PD ${id}`);
}

export function allocPd({ pds }: Objects): Buffer {
  const pd = mustFit(
    pds.add((id) => ({ id, users: 0 })),
    'PD',
  );
  return efa_admin_alloc_pd_resp.make({ pd });
}

export function deallocPd(objects: Objects, payload: Buffer): Buffer {
  const id = efa_admin_dealloc_pd_cmd.get(payload, 'pd');
  mustBeIdle(findPd(objects, id), `PD ${id}`);
  objects.pds.remove(id);
  return efa_admin_dealloc_pd_resp.make();
}

export function allocUar({ uars }: Objects): Buffer {
  const uar = mustFit(
    uars.add((id) => ({ id, users: 0 })),
    'UAR',
  );
  return efa_admin_alloc_uar_resp.make({ uar });
}

export function deallocUar({ uars }: Objects, payload: Buffer): Buffer {
  const id = efa_admin_dealloc_uar_cmd.get(payload, 'uar');
  mustBeIdle(mustFind(uars.get(id), `UAR ${id}`), `UAR ${id}`);
  uars.remove(id);
  return efa_admin_dealloc_uar_resp.make();
}

/**
 * The same destination in the same PD is the same handle, counted. The header says that a driver must
 * not ask twice, those before Linux 7.3 do for every user's handle, and work: so devices count.
 */
export function createAh(objects: Objects, payload: Buffer): Buffer {
  const pd = findPd(objects, efa_admin_create_ah_cmd.get(payload, 'pd'));
  const gid = Buffer.from(efa_admin_create_ah_cmd.bytes(payload, 'dest_addr'));
  must(
    gid.some((byte) => byte !== 0),
    'no destination',
  );
  const known = objects.ahs.find((ah) => ah.pd === pd && ah.gid.equals(gid));
  if (known !== undefined) {
    known.references++;
    return efa_admin_create_ah_resp.make({ ah: known.id });
  }
  const ah = mustFit(
    objects.ahs.add((id) => ({ id, pd, gid, references: 1 })),
    'AH',
  );
  pd.users++;
  return efa_admin_create_ah_resp.make({ ah });
}

export function destroyAh(objects: Objects, payload: Buffer): Buffer {
  const { ah: id, pd } = efa_admin_destroy_ah_cmd.decode(payload);
  const ah = mustFind(objects.ahs.get(id), `AH ${id}`);
  must(ah.pd.id === pd, `AH ${id} is not of PD ${pd}`);
  if (--ah.references === 0) {
    objects.ahs.remove(id);
    ah.pd.users--;
  }
  return efa_admin_destroy_ah_resp.make();
}
