import { closeDeviceFile } from '../../uapi/device-file.ts';
import type { Device, Session } from '../contract.ts';
import { EduEngine } from '../vfio-edu.ts';
import { DmaMemory } from '../vfio-memory.ts';
import { containerMapper } from './container.ts';
import type { Files } from './open.ts';

/** A device with its container and group. Closing goes the way back: device, group, container. */
export function createSession(device: Device, files: Files): Session {
  const memory = new DmaMemory(containerMapper(files.container));
  const edu = new EduEngine(files.device, memory);
  const isEdu = device.identity['model'] === 'edu';
  return {
    fd: files.device,
    otherFds: { container: files.container, group: files.group },
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
      closeDeviceFile(files.group);
      closeDeviceFile(files.container);
      memory.release();
      return closed;
    },
  };
}

/** A descriptor alone, of the device, its group or its container: commands and close. */
export function bareSession(fd: number): Session {
  return { fd, close: () => closeDeviceFile(fd) };
}
