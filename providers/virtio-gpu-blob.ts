import koffi from 'koffi';
import { E } from '../uapi/errno.ts';
import {
  DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB,
  drm_virtgpu_resource_create_blob,
  VIRTGPU_BLOB_FLAG_USE_MAPPABLE,
  VIRTGPU_BLOB_MEM_GUEST,
  VIRTGPU_BLOB_MEM_HOST3D,
  VIRTGPU_PARAM_HOST_VISIBLE,
} from '../uapi/headers/drm/virtgpu-drm.ts';
import { tryIoctl } from '../uapi/ioctl.ts';
import {
  type BufferObject,
  CONTRACT_VERSION,
  type Device,
  type Outcome,
  type Provider,
  type Session,
} from './contract.ts';
import { openDrm, probeDrm } from './drm-device.ts';
import { drmSession } from './drm-session.ts';
import { find } from './virtio-gpu-find.ts';
import { tryParameter } from './virtio-gpu-parameter.ts';
import { createPipeBuffer } from './virtio-gpu-protocol.ts';
import { mapResource } from './virtio-gpu-resource.ts';

/** Where the memory of a blob is: the host shows its own to the guest, or the guest has it. */
export type BlobKind = 'host' | 'guest';

const BLOB_ID = 1;

/** Source: drivers/gpu/drm/virtio/virtgpu_ioctl.c, virtio_gpu_resource_create_blob_ioctl() */
function createBlob(fd: number, kind: BlobKind, size: bigint): Outcome<BufferObject> {
  const call = DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB.name;
  if (kind === 'host' && size > 0xffffffffn) return { ok: false, errno: E.E2BIG, call };
  const stream = kind === 'host' ? createPipeBuffer(Number(size), BLOB_ID) : Buffer.alloc(0);
  const arg = drm_virtgpu_resource_create_blob.make({
    blob_flags: VIRTGPU_BLOB_FLAG_USE_MAPPABLE,
    size,
    ...(kind === 'guest'
      ? { blob_mem: VIRTGPU_BLOB_MEM_GUEST }
      : {
          blob_mem: VIRTGPU_BLOB_MEM_HOST3D,
          blob_id: BigInt(BLOB_ID),
          cmd: koffi.address(stream),
          cmd_size: stream.length,
        }),
  });
  const pointees = [stream];
  const { errno } = tryIoctl(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, arg, { pointees });
  if (errno !== 0) return { ok: false, errno, call };
  const handle = drm_virtgpu_resource_create_blob.get(arg, 'bo_handle');
  return { ok: true, value: { handle, size } };
}

/** A provider of the GPUs that have blobs, whose buffers are blobs of one kind. */
export function blobProvider(kind: BlobKind): Provider {
  const name = `virtio-gpu-${kind}-blob`;
  const session = (fd: number): Session => ({
    ...drmSession(fd),
    alloc: (want) => createBlob(fd, kind, want.size),
    map: (buffer) => mapResource(fd, buffer),
  });
  return {
    contract: CONTRACT_VERSION,
    name,
    title: `Virtio GPU, blobs of the ${kind}`,
    driver: 'virtio_gpu',
    offers: [
      'alloc',
      'map',
      'offset-map',
      'export',
      'export-access',
      'handles',
      'sync-file',
      'sync-file-deadline',
    ],
    headers: ['drm/virtgpu-drm', 'drm/drm'],
    find: () => gpusWithBlobs(name),
    probe: (device) => probeDrm(device, session, ({ fd }) => ({ missing: missingOf(fd, kind) })),
    open: (device, how) => openDrm(device, how, session),
    adopt: (_device, fd) => session(fd),
  };
}

/** Without 3D blobs need udmabuf of the host, and are of the guest alone. */
function gpusWithBlobs(name: string): readonly Device[] {
  return find().flatMap((device) => {
    const features = (device.identity['features'] ?? '').split(' ');
    if (!features.includes('virgl') || !features.includes('resource-blob')) return [];
    return [{ ...device, address: device.address.replace(/^[^@]*/, name) }];
  });
}

function missingOf(fd: number, kind: BlobKind): Readonly<Record<string, string>> {
  const visible = tryParameter(fd, VIRTGPU_PARAM_HOST_VISIBLE);
  if (kind === 'guest' || (visible.ok && visible.value === 1)) return {};
  return { alloc: 'VIRTGPU_PARAM_HOST_VISIBLE answers 0' };
}
