import { closeDeviceFile } from '../uapi/device-file.ts';
import type { BufferObject, Device, Probe, Session } from './contract.ts';
import { BarMemory, memoryModel } from './vfio-bar.ts';
import { EduEngine } from './vfio-edu.ts';
import { type DmaMapper, DmaMemory } from './vfio-memory.ts';

/** A PCI function that is ours, and what maps memory for it. */
export interface FunctionFiles<Other extends string = string> {
  readonly device: number;
  /** What the function was had through, by name, in the order of closing after it. */
  readonly others: Readonly<Record<Other, number>>;
  readonly mapper: DmaMapper;
}

/**
 * A session of VFIO, whichever way the function was had. Edu has jobs too, also on imported dma-bufs
 * where the mapper takes them; a function with memory gives out ranges of that.
 */
export function functionSession(device: Device, files: FunctionFiles): Session {
  const memory = new DmaMemory(files.mapper);
  const edu = new EduEngine(files.device, memory);
  const bar = new BarMemory(files.device);
  const isEdu = device.identity['model'] === 'edu';
  const owner = (buffer: BufferObject) => (bar.has(buffer) ? bar : memory);
  return {
    fd: files.device,
    otherFds: files.others,
    register: (want) => memory.register(want),
    free: (buffer) => owner(buffer).free(buffer),
    map: (buffer) => owner(buffer).map(buffer),
    ...(hasMemory(device) && {
      alloc: (want) => bar.alloc(want),
      exportDmabuf: (buffer, how) => bar.exportDmabuf(buffer, how),
    }),
    ...(isEdu && {
      submitCopy: (job) => edu.submitCopy(job),
      waitJob: (job, timeoutMs) => edu.waitJob(job, timeoutMs),
      ...(files.mapper.mapDmabuf !== undefined && {
        importDmabuf: (dmabuf) => memory.import(dmabuf),
      }),
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
  return model === 'edu' ? {} : { 'job-copy': `no job code for PCI ${pci}` };
}

export function hasMemory({ identity: { pci } }: Device): boolean {
  return memoryModel(pci ?? '') !== undefined;
}

/** A descriptor alone, of the function or of what it was had through: commands and close. */
export function bareSession(fd: number): Session {
  return { fd, close: () => closeDeviceFile(fd) };
}
