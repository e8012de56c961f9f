import { errnoName } from '../../uapi/errno.ts';
import {
  VIRTGPU_PARAM_3D_FEATURES,
  VIRTGPU_PARAM_CONTEXT_INIT,
  VIRTGPU_PARAM_HOST_VISIBLE,
  VIRTGPU_PARAM_RESOURCE_BLOB,
} from '../../uapi/headers/drm/virtgpu-drm.ts';
import type { Capability, Device, Outcome, Probe, Session } from '../contract.ts';
import { probeDrm } from '../drm-device.ts';
import { probePciPlug } from '../pci-plug.ts';
import { tryParameter } from '../virtio-gpu-parameter.ts';

export function probeVirtioGpu(
  device: Device,
  createSession: (fd: number) => Session,
): Outcome<Probe> {
  return probeDrm(device, createSession, ({ fd }) => ({
    missing: { ...missingOf(fd), ...probePciPlug(device) },
  }));
}

function missingOf(fd: number): Probe['missing'] {
  const missing: Partial<Record<Capability, string>> = {};
  const virgl = valueOrErrno(fd, VIRTGPU_PARAM_3D_FEATURES);
  if (virgl === 1) missing['image-only'] = 'VIRTGPU_PARAM_3D_FEATURES answers 1';
  else {
    for (const name of JOBS) missing[name] = `VIRTGPU_PARAM_3D_FEATURES answers ${virgl}`;
  }
  return { ...missing, ...missingOfHost(fd, virgl) };
}

/** Blobs that the guest maps and contexts that it chooses are 3D's; a device has or lacks each. */
function missingOfHost(fd: number, virgl: number | string): Probe['missing'] {
  const missing: Partial<Record<Capability, string>> = {};
  const told = (parameter: number): boolean => virgl === 1 && valueOrErrno(fd, parameter) === 1;
  const [blob, context] = [told(VIRTGPU_PARAM_RESOURCE_BLOB), told(VIRTGPU_PARAM_CONTEXT_INIT)];
  if (blob) missing['plain-resource'] = 'VIRTGPU_PARAM_RESOURCE_BLOB answers 1';
  else missing['host-blob'] = 'VIRTGPU_PARAM_RESOURCE_BLOB answers 0';
  if (blob && !told(VIRTGPU_PARAM_HOST_VISIBLE)) {
    missing['host-blob'] = 'VIRTGPU_PARAM_HOST_VISIBLE answers 0';
  }
  if (context) missing['plain-context'] = 'VIRTGPU_PARAM_CONTEXT_INIT answers 1';
  else missing['host-context'] = 'VIRTGPU_PARAM_CONTEXT_INIT answers 0';
  return missing;
}

const JOBS = [
  'job-copy',
  'job-fill',
  'job-large',
  'job-imported',
  'job-shadow',
  'job-fence-out',
  'job-fence-in',
  'job-syncobj',
] as const;

function valueOrErrno(fd: number, parameter: number): number | string {
  const told = tryParameter(fd, parameter);
  return told.ok ? told.value : errnoName(told.errno);
}
