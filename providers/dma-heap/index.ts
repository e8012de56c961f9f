import { probeDescriptorDevice } from '../../uapi/descriptor-buffer.ts';
import { openDeviceFile } from '../../uapi/device-file.ts';
import { pageSize } from '../../uapi/sys-memory.ts';
import { deviceNode, sysfsEntries } from '../../uapi/sysfs.ts';
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

const CLASS = '/sys/class/dma_heap';

/** Source: drivers/dma-buf/dma-heap.c, dma_heap_add(): a class device for each heap. */
function find(): readonly Device[] {
  return sysfsEntries(CLASS).map((heap) => ({
    address: `dma-heap@${heap}`,
    node: deviceNode(`${CLASS}/${heap}`) ?? `/dev/dma_heap/${heap}`,
    otherNodes: {},
    identity: { where: 'software driver', heap },
  }));
}

function open(device: Device, how: OpenRequest): Outcome<Session> {
  const opened = openDeviceFile(device.node, how);
  return opened.ok ? { ok: true, value: createSession(opened.value) } : opened;
}

function probe({ node }: Device): Outcome<Probe> {
  const missing = probeDescriptorDevice(node, (fd) => alloc(fd, { size: BigInt(pageSize()) }));
  return missing.ok ? { ok: true, value: { missing: missing.value, identity: {} } } : missing;
}

/** The heaps of /dev/dma_heap: allocators whose buffers are dma-bufs from the start. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'dma-heap',
  title: 'DMA-BUF heaps',
  driver: 'dma-heap',
  offers: [
    'alloc',
    'alloc-odd',
    'alloc-access',
    'map',
    'export',
    'sync-file',
    'sync-file-deadline',
  ],
  headers: ['linux/dma-heap'],
  find,
  probe,
  open,
  adopt: (_device, fd) => createSession(fd),
};
