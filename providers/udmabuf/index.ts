import { probeDescriptorDevice } from '../../uapi/descriptor-buffer.ts';
import { openDeviceFile } from '../../uapi/device-file.ts';
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

function probe({ node }: Device): Outcome<Probe> {
  const missing = probeDescriptorDevice(node, (fd) => alloc(fd, { size: BigInt(pageSize()) }));
  return missing.ok ? { ok: true, value: { missing: missing.value, identity: {} } } : missing;
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
