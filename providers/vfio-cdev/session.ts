import { closeDeviceFile } from '../../uapi/device-file.ts';
import type { Device, Session } from '../contract.ts';
import { addressSpaceMapper } from '../iommufd-space.ts';
import { EduEngine } from '../vfio-edu.ts';
import { DmaMemory } from '../vfio-memory.ts';
import type { Files } from './open.ts';

/** A function that is attached to an address space of its own. */
export function createSession(device: Device, files: Files): Session {
  const memory = new DmaMemory(addressSpaceMapper(files.iommu, files.ioas));
  const edu = new EduEngine(files.device, memory);
  const isEdu = device.identity['model'] === 'edu';
  return {
    fd: files.device,
    otherFds: { iommu: files.iommu },
    register: (want) => memory.register(want),
    free: (buffer) => memory.free(buffer),
    map: (buffer) => memory.map(buffer),
    ...(isEdu && {
      submitCopy: (job) => edu.submitCopy(job),
      waitJob: (job, timeoutMs) => edu.waitJob(job, timeoutMs),
    }),
    counts: () => ({ ok: true, value: { mappings: memory.count } }),
    close() {
      const closed = closeDeviceFile(files.device);
      edu.release();
      closeDeviceFile(files.iommu);
      memory.release();
      return closed;
    },
  };
}

/** A descriptor alone, of the device or of its iommufd: commands and close. */
export function bareSession(fd: number): Session {
  return { fd, close: () => closeDeviceFile(fd) };
}
