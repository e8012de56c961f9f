import { openDeviceFile } from '../../uapi/device-file.ts';
import { probeSyncFile } from '../../uapi/dma-buf-features.ts';
import { tryClose } from '../../uapi/sys.ts';
import { pageSize } from '../../uapi/sys-memory.ts';
import { deviceNode, sysfsTarget } from '../../uapi/sysfs.ts';
import {
  CONTRACT_VERSION,
  type Device,
  type OpenRequest,
  type Outcome,
  type Probe,
  type Provider,
  type Session,
} from '../contract.ts';
import { alloc, createSession } from './session.ts';

const MISC_DEVICE = '/sys/class/misc/udmabuf';

/** Source: drivers/dma-buf/udmabuf.c, udmabuf_dev_init(): one misc device. */
function find(): readonly Device[] {
  if (sysfsTarget(MISC_DEVICE) === undefined) return [];
  const node = deviceNode(MISC_DEVICE) ?? '/dev/udmabuf';
  const identity = { where: 'software driver' };
  return [{ address: 'udmabuf@udmabuf', node, otherNodes: {}, identity }];
}

function open(device: Device, how: OpenRequest): Outcome<Session> {
  const opened = openDeviceFile(device.node, how);
  return opened.ok ? { ok: true, value: createSession(opened.value) } : opened;
}

/** Makes one page into a dma-buf to learn what the kernel's dma-buf core can do with it. */
function probe(device: Device): Outcome<Probe> {
  const udmabuf = openDeviceFile(device.node);
  if (!udmabuf.ok) return udmabuf;
  const made = alloc(udmabuf.value, { size: BigInt(pageSize()) });
  tryClose(udmabuf.value);
  if (!made.ok) return made;
  const missing = probeSyncFile(made.value.fd);
  tryClose(made.value.fd);
  return { ok: true, value: { missing, identity: {} } };
}

/** /dev/udmabuf: makes dma-bufs of memfd pages, so that user memory can be shared with devices. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'udmabuf',
  title: 'User memory as DMA-BUF',
  driver: 'udmabuf',
  offers: ['alloc', 'register', 'map', 'export', 'sync-file', 'sync-file-deadline'],
  headers: ['linux/udmabuf'],
  find,
  probe,
  open,
  adopt: (_device, fd) => createSession(fd),
};
