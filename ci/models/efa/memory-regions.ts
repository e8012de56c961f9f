import { PageList, pagesOf, type ReadMemory, readerOf } from '../page-list.ts';
import { must, mustFind, mustFit } from '../refusal.ts';
import type { GuestMemory } from '../vfio-user/guest-memory.ts';
import type { AdminCommand } from './admin-queue.ts';
import { findPd } from './domain-commands.ts';
import { addressOf } from './event-queues.ts';
import {
  EFA_ADMIN_REG_MR_CMD_LOCAL_WRITE_ENABLE_MASK,
  EFA_ADMIN_REG_MR_CMD_MEM_ADDR_PHY_MODE_EN_MASK,
  EFA_ADMIN_REG_MR_CMD_PHYS_PAGE_SIZE_SHIFT_MASK,
  EFA_ADMIN_REG_MR_CMD_REMOTE_READ_ENABLE_MASK,
  EFA_ADMIN_REG_MR_CMD_REMOTE_WRITE_ENABLE_MASK,
  EFA_ADMIN_REG_MR_RESP_RDMA_READ_IC_ID_MASK,
  EFA_ADMIN_REG_MR_RESP_RDMA_RECV_IC_ID_MASK,
  EFA_ADMIN_REG_MR_RESP_RECV_IC_ID_MASK,
  efa_admin_dereg_mr_cmd,
  efa_admin_dereg_mr_resp,
  efa_admin_reg_mr_cmd,
  efa_admin_reg_mr_resp,
} from './headers/efa-admin-cmds-defs.ts';
import {
  EFA_ADMIN_AQ_COMMON_DESC_CTRL_DATA_INDIRECT_MASK,
  EFA_ADMIN_AQ_COMMON_DESC_CTRL_DATA_MASK,
} from './headers/efa-admin-defs.ts';
import { INTERCONNECTS, LIMITS, PAGE_SHIFTS } from './limits.ts';
import type { MemoryRegion, Objects } from './objects.ts';
import { PageListError, readChunkedList, readDirectList } from './page-list.ts';

export const PERMISSIONS =
  EFA_ADMIN_REG_MR_CMD_LOCAL_WRITE_ENABLE_MASK |
  EFA_ADMIN_REG_MR_CMD_REMOTE_WRITE_ENABLE_MASK |
  EFA_ADMIN_REG_MR_CMD_REMOTE_READ_ENABLE_MASK;

type RegisterCommand = ReturnType<typeof efa_admin_reg_mr_cmd.decode>;

/** Keys have 24 bits (efa_io_tx_buf_desc): the low ones number the region, the rest change with each. */
const KEY_GENERATIONS = 2 ** 24 / LIMITS.maxMr;

function makeKey(objects: Objects, id: number): number {
  const generation = (objects.keyGenerations++ % (KEY_GENERATIONS - 1)) + 1;
  return generation * LIMITS.maxMr + id;
}

/** The region that a key names; undefined for a key that nobody has, or had. */
export function regionOf({ mrs }: Objects, key: number): MemoryRegion | undefined {
  const region = mrs.get(key % LIMITS.maxMr);
  return region?.key === key ? region : undefined;
}

/** One key is both, local and remote. */
export function registerMr(objects: Objects, memory: GuestMemory, request: AdminCommand): Buffer {
  const command = efa_admin_reg_mr_cmd.decode(request.payload);
  const { flags, permissions, iova } = command;
  const pd = findPd(objects, command.pd);
  const shift = flags & EFA_ADMIN_REG_MR_CMD_PHYS_PAGE_SIZE_SHIFT_MASK;
  const isKnownSize = shift >= PAGE_SHIFTS.least && shift <= PAGE_SHIFTS.most;
  must(isKnownSize, `pages of 2 ** ${shift} bytes`);
  must((flags & EFA_ADMIN_REG_MR_CMD_MEM_ADDR_PHY_MODE_EN_MASK) === 0, 'physical memory');
  must(command.mr_length > 0n && command.mr_length < 2n ** 48n, `${command.mr_length} bytes`);
  const length = Number(command.mr_length);
  must(BigInt.asUintN(64, iova + command.mr_length) > iova, 'a region that wraps around');
  const pages = readPages(readerOf(memory), request, command, pagesOf(iova, length, shift));
  const pageMask = 2n ** BigInt(shift) - 1n;
  must(!pages.some((page) => (page & pageMask) !== 0n), 'a page that is not aligned');
  const list = new PageList(pages, shift, iova);
  // Bits that are no right of a region are taken no notice of: the driver hands on what users gave.
  const id = mustFit(
    objects.mrs.add((number) => ({
      key: makeKey(objects, number),
      pd,
      iova,
      length,
      pages: list,
      permissions: permissions & PERMISSIONS,
    })),
    'MR',
  );
  pd.users++;
  const { key } = mustFind(objects.mrs.get(id), `MR ${id}`);
  return efa_admin_reg_mr_resp.make({ l_key: key, r_key: key, ...interconnects(permissions) });
}

const RECV = EFA_ADMIN_REG_MR_RESP_RECV_IC_ID_MASK;
const RDMA_READ = EFA_ADMIN_REG_MR_RESP_RDMA_READ_IC_ID_MASK;
const RDMA_RECV = EFA_ADMIN_REG_MR_RESP_RDMA_RECV_IC_ID_MASK;

/**
 * By which way the device reaches the memory, where it may: to put in what is received and what it reads
 * from afar, and what others write. The numbers are a guess, as is that a way which is no way is not told.
 */
function interconnects(permissions: number) {
  const isLocal = (permissions & EFA_ADMIN_REG_MR_CMD_LOCAL_WRITE_ENABLE_MASK) !== 0;
  const isRemote = (permissions & EFA_ADMIN_REG_MR_CMD_REMOTE_WRITE_ENABLE_MASK) !== 0;
  return {
    validity: (isLocal ? RECV | RDMA_READ : 0) | (isRemote ? RDMA_RECV : 0),
    recv_ic_id: isLocal ? INTERCONNECTS.recv : 0,
    rdma_read_ic_id: isLocal ? INTERCONNECTS.rdmaRead : 0,
    rdma_recv_ic_id: isRemote ? INTERCONNECTS.rdmaRecv : 0,
  };
}

function readPages(
  read: ReadMemory,
  { flags, payload }: AdminCommand,
  { pbl }: RegisterCommand,
  count: number,
): readonly bigint[] {
  must(count <= LIMITS.maxMrPages, `${count} pages`);
  if ((flags & EFA_ADMIN_AQ_COMMON_DESC_CTRL_DATA_MASK) === 0) {
    must(count <= pbl.inline_pbl_array.length, `${count} pages in the command`);
    return pbl.inline_pbl_array.slice(0, count);
  }
  const list = { length: pbl.pbl.length, address: addressOf(pbl.pbl.address) };
  const isChunked = (flags & EFA_ADMIN_AQ_COMMON_DESC_CTRL_DATA_INDIRECT_MASK) !== 0;
  try {
    return isChunked ? readChunkedList(read, list, count) : readDirectList(read, list, count);
  } catch (error) {
    if (!(error instanceof PageListError)) throw error;
    must(false, `${error.message} (${payload.length} bytes of command)`);
    return [];
  }
}

export function deregisterMr(objects: Objects, payload: Buffer): Buffer {
  const key = efa_admin_dereg_mr_cmd.get(payload, 'l_key');
  const region = mustFind(regionOf(objects, key), `MR with key ${key}`);
  objects.mrs.remove(key % LIMITS.maxMr);
  region.pd.users--;
  return efa_admin_dereg_mr_resp.make();
}
