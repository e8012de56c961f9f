import { probeDescriptorDevice } from '../../uapi/descriptor-buffer.ts';
import { openDeviceFile } from '../../uapi/device-file.ts';
import { pageSize } from '../../uapi/sys-memory.ts';
import { deviceNode, sysfsTarget, sysfsText } from '../../uapi/sysfs.ts';
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

/** Parameters of the module, and what the cases of limits know. 7.3 has no limit of the size any more. */
const PARAMETERS = '/sys/module/udmabuf/parameters';
const KNOWN_LIMITS = { list_limit: '1024', size_limit_mb: '64' };

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
  if (!missing.ok) return missing;
  return { ok: true, value: { missing: { ...missing.value, ...probeLimits() }, identity: {} } };
}

function probeLimits(): Probe['missing'] {
  const other = Object.entries(KNOWN_LIMITS).flatMap(([name, known]) => {
    const value = sysfsText(`${PARAMETERS}/${name}`);
    return value === known ? [] : [`${name} is ${value ?? 'not told'}, and not ${known}`];
  });
  return other.length === 0 ? {} : { 'known-limits': other.join('; ') };
}

/** /dev/udmabuf: makes dma-bufs of memfd pages, so that user memory can be shared with devices. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'udmabuf',
  title: 'User memory as DMA-BUF',
  driver: 'udmabuf',
  offers: ['alloc', 'register', 'map', 'export', 'sync-file', 'sync-file-deadline', 'known-limits'],
  headers: ['linux/udmabuf'],
  find,
  probe,
  open,
  adopt: (_device, fd) => createSession(fd),
};
