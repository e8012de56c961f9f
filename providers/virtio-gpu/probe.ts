import { errnoName } from '../../uapi/errno.ts';
import {
  VIRTGPU_PARAM_3D_FEATURES,
  VIRTGPU_PARAM_RESOURCE_BLOB,
} from '../../uapi/headers/drm/virtgpu-drm.ts';
import type { Capability, Device, Outcome, Probe, Session } from '../contract.ts';
import { probeDrm } from '../drm-device.ts';
import { tryParameter } from './parameter.ts';

export function probeVirtioGpu(
  device: Device,
  createSession: (fd: number) => Session,
): Outcome<Probe> {
  return probeDrm(device, createSession, (session) => ({ missing: missingOf(session.fd) }));
}

function missingOf(fd: number): Probe['missing'] {
  const missing: Partial<Record<Capability, string>> = {};
  const virgl = valueOrErrno(fd, VIRTGPU_PARAM_3D_FEATURES);
  const blob = valueOrErrno(fd, VIRTGPU_PARAM_RESOURCE_BLOB);
  if (blob !== 1 || virgl === 1) missing.import = NO_IMPORT;
  if (virgl !== 1) {
    for (const name of JOBS) missing[name] = `VIRTGPU_PARAM_3D_FEATURES answers ${virgl}`;
  }
  return missing;
}

const JOBS = [
  'job-copy',
  'job-fill',
  'job-large',
  'job-shadow',
  'job-fence-out',
  'job-fence-in',
  'job-syncobj',
] as const;

/**
 * A foreign dma-buf becomes a blob, and the host reads blobs of the guest only where it does not
 * render. Source: drivers/gpu/drm/virtio/virtgpu_prime.c, virtgpu_gem_prime_import() and
 * virtgpu_gem_prime_import_sg_table(); before 6.14 there was no import at all.
 */
const NO_IMPORT =
  'ENODEV for dma-bufs of others: virtgpu_gem_prime_import() takes them where RESOURCE_BLOB is 1 ' +
  'and 3D_FEATURES is 0';

function valueOrErrno(fd: number, parameter: number): number | string {
  const told = tryParameter(fd, parameter);
  return told.ok ? told.value : errnoName(told.errno);
}
