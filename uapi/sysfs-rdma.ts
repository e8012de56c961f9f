import { basename } from 'node:path';
import { description } from './headers/rdma/ib-user-ioctl-verbs.ts';
import { deviceNode, sysfsEntries, sysfsTarget, sysfsText } from './sysfs.ts';

/** RDMA devices as sysfs tells of them; no node is opened. */

const VERBS = '/sys/class/infiniband_verbs';
const DEVICES = '/sys/class/infiniband';

export interface RdmaGid {
  readonly port: number;
  readonly index: number;
  /** 'fe80:0000:…': eight groups as sysfs writes them. */
  readonly gid: string;
  /** 'RoCE v2', 'IB/RoCE v1'; the latter also of siw, where it says nothing. */
  readonly type?: string;
  readonly netdev?: string;
}

export interface RdmaPort {
  readonly port: number;
  /** 'ACTIVE', 'DOWN', … */
  readonly state: string;
  /** 'Ethernet', 'InfiniBand'. */
  readonly linkLayer: string;
  /** The network device under it, as its first GID names it, or as the parent. */
  readonly netdevs: readonly string[];
}

export interface RdmaDevice {
  /** 'rxe0'. */
  readonly ibdev: string;
  /** '/dev/infiniband/uverbs0'. */
  readonly uverbsNode: string;
  /** 'rxe', 'siw', 'mlx5'; the kernel module's name where it is none that is known; else 'unknown'. */
  readonly driver: string;
  /** enum rdma_driver_id, where the driver is in the header. */
  readonly driverId?: number;
  /** 'CA', 'RNIC', …, without its number. */
  readonly nodeType: string;
  /** '505400fffe123456' without colons. */
  readonly nodeGuid: string;
  readonly firmware: string;
  /** What a driver without devices of its own sits on: a network device's name. */
  readonly parent?: string;
  /** The device's directory in sysfs, of hardware only. */
  readonly path?: string;
  readonly abiVersion: number;
  readonly ports: readonly RdmaPort[];
  /**
   * Those that are set; empty slots are left out. Read when asked for. Quicker on an open device,
   * and whole however holed the table is: the method QUERY_GID_TABLE.
   */
  readonly gids: readonly RdmaGid[];
}

/** All devices that have a verbs node. */
export function rdmaDevices(): readonly RdmaDevice[] {
  return sysfsEntries(VERBS).flatMap((entry) => {
    const ibdev = sysfsText(`${VERBS}/${entry}/ibdev`);
    return ibdev === undefined ? [] : [readDevice(entry, ibdev)];
  });
}

/** The device's node, under whatever number; undefined for a device that is not there. */
export function uverbsNodeOf(ibdev: string): string | undefined {
  const entry = sysfsEntries(VERBS).find((one) => sysfsText(`${VERBS}/${one}/ibdev`) === ibdev);
  return entry === undefined ? undefined : nodeAt(entry);
}

function nodeAt(entry: string): string {
  return deviceNode(`${VERBS}/${entry}`) ?? `/dev/infiniband/${entry}`;
}

function readDevice(entry: string, ibdev: string): RdmaDevice {
  const dir = `${DEVICES}/${ibdev}`;
  const path = sysfsTarget(`${dir}/device`);
  const parent = sysfsText(`${dir}/parent`);
  const nodeType = (sysfsText(`${dir}/node_type`) ?? '').replace(/^\d+: /, '');
  const nodeDescription = sysfsText(`${dir}/node_desc`);
  const driver = driverOf({ ibdev, nodeType, nodeDescription, parent, path });
  const driverId = rdmaDriverId(driver);
  const ports = sysfsEntries(`${dir}/ports`).map(Number);
  return {
    ibdev,
    uverbsNode: nodeAt(entry),
    driver,
    ...(driverId !== undefined && { driverId }),
    nodeType,
    nodeGuid: (sysfsText(`${dir}/node_guid`) ?? '').replaceAll(':', ''),
    firmware: sysfsText(`${dir}/fw_ver`) ?? '',
    ...(parent !== undefined && { parent }),
    ...(path !== undefined && { path }),
    abiVersion: Number(sysfsText(`${VERBS}/${entry}/abi_version`) ?? 0),
    ports: ports.map((port) => readPort(dir, port, parent)),
    get gids() {
      return ports.flatMap((port) => readGids(dir, port));
    },
  };
}

function readPort(dir: string, port: number, parent: string | undefined): RdmaPort {
  const at = `${dir}/ports/${port}`;
  const netdev = sysfsText(`${at}/gid_attrs/ndevs/0`) ?? parent;
  return {
    port,
    state: (sysfsText(`${at}/state`) ?? '').replace(/^\d+: /, ''),
    linkLayer: sysfsText(`${at}/link_layer`) ?? '',
    netdevs: netdev === undefined || netdev === '' ? [] : [netdev],
  };
}

/**
 * A new GID goes into the first free slot (drivers/infiniband/core/cache.c, __ib_cache_gid_add()),
 * so behind so many empty ones nothing is looked for: rxe has 1024 slots, a file each.
 */
const MAX_EMPTY_SLOTS = 64;

function readGids(dir: string, port: number): readonly RdmaGid[] {
  const at = `${dir}/ports/${port}`;
  const found: RdmaGid[] = [];
  let empty = 0;
  for (const slot of sysfsEntries(`${at}/gids`)) {
    const gid = sysfsText(`${at}/gids/${slot}`);
    if (gid === undefined || /^[0:]*$/.test(gid)) {
      empty++;
      if (empty === MAX_EMPTY_SLOTS) break;
      continue;
    }
    empty = 0;
    // Of InfiniBand there is no netdev, and reading it fails.
    const type = sysfsText(`${at}/gid_attrs/types/${slot}`);
    const netdev = sysfsText(`${at}/gid_attrs/ndevs/${slot}`);
    const more = { ...(type && { type }), ...(netdev && { netdev }) };
    found.push({ port, index: Number(slot), gid, ...more });
  }
  return found;
}

/** Drivers of the device behind the verbs, where they are not called as the RDMA driver is. */
const rdmaDrivers: Readonly<Record<string, string>> = {
  mlx5_core: 'mlx5',
  // A subfunction. Source: drivers/net/ethernet/mellanox/mlx5/core/sf/dev/driver.c
  'mlx5_core.sf': 'mlx5',
  mlx4_core: 'mlx4',
  bnxt_en: 'bnxt_re',
  ice: 'irdma',
  i40e: 'irdma',
  idpf: 'irdma',
  hns_roce_hw_v2: 'hns',
  hns3: 'hns',
  qede: 'qedr',
  be2net: 'ocrdma',
  ib_mthca: 'mthca',
  ib_qib: 'qib',
  usnic_verbs: 'usnic',
};

/** The RDMA driver by the driver that a device's sysfs names: 'mlx5' of 'mlx5_core'. */
export function rdmaDriverOf(bound: string): string {
  return rdmaDrivers[bound] ?? bound;
}

const ERDMA_DESCRIPTION = 'Elastic RDMA Adapter stack';

interface DriverSigns {
  readonly ibdev: string;
  readonly nodeType: string;
  readonly nodeDescription: string | undefined;
  readonly parent: string | undefined;
  readonly path: string | undefined;
}

/**
 * Hardware has a device whose driver says it, but erdma's: its driver names no parent, only a description
 * (drivers/infiniband/hw/erdma/erdma_main.c, erdma_ib_device_add()). Of those without, rxe alone has the
 * attribute `parent` (drivers/infiniband/sw/rxe/rxe_verbs.c, parent_show()), and of the rest siw alone is
 * an RNIC.
 */
function driverOf({ ibdev, nodeType, nodeDescription, parent, path }: DriverSigns): string {
  const bound = path === undefined ? undefined : sysfsTarget(`${path}/driver`);
  if (bound !== undefined) return rdmaDriverOf(basename(bound));
  if (nodeDescription === ERDMA_DESCRIPTION) return 'erdma';
  if (parent !== undefined) return 'rxe';
  if (nodeType === 'RNIC') return 'siw';
  const prefix = /^[a-z_]+/.exec(ibdev)?.[0] ?? '';
  return rdmaDriverId(prefix) === undefined ? 'unknown' : prefix;
}

/** enum rdma_driver_id of a driver's name: 'rxe' is RDMA_DRIVER_RXE. */
export function rdmaDriverId(driver: string): number | undefined {
  const id = description.constants[`RDMA_DRIVER_${driver.toUpperCase()}`];
  return id === undefined ? undefined : Number(id);
}
