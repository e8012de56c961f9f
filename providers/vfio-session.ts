import { closeDeviceFile } from '../uapi/device-file.ts';
import type { Device, Probe, Session } from './contract.ts';
import { EduEngine } from './vfio-edu.ts';
import { type DmaMapper, DmaMemory } from './vfio-memory.ts';

/** A PCI function that is ours, and what maps memory for it. */
export interface FunctionFiles<Other extends string = string> {
  readonly device: number;
  /** What the function was had through, by name, in the order of closing after it. */
  readonly others: Readonly<Record<Other, number>>;
  readonly mapper: DmaMapper;
}

/** A session of VFIO, whichever way the function was had; edu has jobs too. */
export function functionSession(device: Device, files: FunctionFiles): Session {
  const memory = new DmaMemory(files.mapper);
  const edu = new EduEngine(files.device, memory);
  const isEdu = device.identity['model'] === 'edu';
  return {
    fd: files.device,
    otherFds: files.others,
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
      for (const fd of Object.values(files.others)) closeDeviceFile(fd);
      memory.release();
      return closed;
    },
  };
}

/** What sessions of a function that is not edu lack. */
export function missingJobs({ identity: { pci, model } }: Device): Probe['missing'] {
  return model === undefined ? { 'job-copy': `no job code for PCI ${pci}` } : {};
}

/** A descriptor alone, of the function or of what it was had through: commands and close. */
export function bareSession(fd: number): Session {
  return { fd, close: () => closeDeviceFile(fd) };
}
