import { errnoName } from '../../uapi/errno.ts';
import { VIRTGPU_PARAM_3D_FEATURES } from '../../uapi/headers/drm/virtgpu-drm.ts';
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
  if (virgl === 1) missing['image-only'] = 'VIRTGPU_PARAM_3D_FEATURES answers 1';
  else {
    for (const name of JOBS) missing[name] = `VIRTGPU_PARAM_3D_FEATURES answers ${virgl}`;
  }
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
