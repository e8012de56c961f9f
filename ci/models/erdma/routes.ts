import { part } from '../bits.ts';
import { must, mustFind } from '../refusal.ts';
import {
  ERDMA_CMD_CREATE_AV_FL_MASK,
  ERDMA_CMD_CREATE_AV_NTYPE_MASK,
  ERDMA_CMD_SET_GID_OP_MASK,
  ERDMA_CMD_SET_GID_SGID_IDX_MASK,
  ERDMA_NETWORK_TYPE_IPV6,
  ERDMA_SET_GID_OP_ADD,
  type ErdmaAvCfg,
  erdma_cmdq_create_ah_req,
  erdma_cmdq_destroy_ah_req,
  erdma_cmdq_set_gid_req,
} from './headers/erdma-hw.ts';
import { LIMITS } from './limits.ts';
import type { Objects, Route } from './objects.ts';

/** Addresses of the device itself, and ways to others. */

/** The driver tells nothing of a GID that goes but its index (erdma_verbs.c, erdma_set_gid()). */
export function setGid({ gids }: Objects, entry: Buffer): void {
  const { cfg, gid } = erdma_cmdq_set_gid_req.decode(entry);
  const index = part(cfg, ERDMA_CMD_SET_GID_SGID_IDX_MASK);
  must(index < LIMITS.maxGid, `GID ${index}`);
  if (part(cfg, ERDMA_CMD_SET_GID_OP_MASK) === ERDMA_SET_GID_OP_ADD) {
    gids.set(index, Buffer.from(gid));
    return;
  }
  mustFind(gids.get(index), `GID ${index}`);
  gids.delete(index);
}

/** A GID that is not there any more, or not yet, is no error before something is sent: a guess. */
export function routeOf(av: ErdmaAvCfg): Route {
  must(av.sgid_index < LIMITS.maxGid, `GID ${av.sgid_index}`);
  return {
    gid: Buffer.from(av.dgid),
    sourceIndex: av.sgid_index,
    isIpv6: part(av.cfg0, ERDMA_CMD_CREATE_AV_NTYPE_MASK) === ERDMA_NETWORK_TYPE_IPV6,
    trafficClass: av.traffic_class,
    hopLimit: av.hop_limit,
    serviceLevel: av.sl,
    flowLabel: part(av.cfg0, ERDMA_CMD_CREATE_AV_FL_MASK),
  };
}

export function createAh({ ahs }: Objects, entry: Buffer): void {
  const { ahn: number, pdn: pd, av_cfg } = erdma_cmdq_create_ah_req.decode(entry);
  must(number < LIMITS.maxAh && !ahs.has(number), `AH ${number}`);
  ahs.set(number, { number, pd, route: routeOf(av_cfg) });
}

export function destroyAh({ ahs }: Objects, entry: Buffer): void {
  const { ahn: number, pdn: pd } = erdma_cmdq_destroy_ah_req.decode(entry);
  const { pd: owner } = mustFind(ahs.get(number), `AH ${number}`);
  must(owner === pd, `AH ${number} of another domain`);
  ahs.delete(number);
}

/** The network is this device and nothing else. */
export function isReachable({ gids }: Objects, { gid, sourceIndex }: Route): boolean {
  if (!gids.has(sourceIndex)) return false;
  for (const own of gids.values()) if (own.equals(gid)) return true;
  return false;
}
