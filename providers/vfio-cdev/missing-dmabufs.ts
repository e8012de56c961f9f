import { probeSyncFile } from '../../uapi/dma-buf-features.ts';
import { errnoName } from '../../uapi/errno.ts';
import { tryClose } from '../../uapi/sys.ts';
import { pageSize } from '../../uapi/sys-memory.ts';
import type { Capability, Device, Probe, Session } from '../contract.ts';
import { missingMapFile } from '../iommufd-space.ts';
import { hasMemory } from '../vfio-session.ts';

/** What this function lacks of dma-bufs: memory to export, an engine that reaches what is imported. */
export function missingOfDmabufs(device: Device, session: Session): Probe['missing'] {
  return { ...missingOfExport(device, session), ...missingOfImport(device, session) };
}

const EXPORT = ['buffer', 'export', 'export-access', 'sync-file', 'sync-file-deadline'] as const;
const IMPORT = ['import', 'job-imported'] as const;

function missingOfExport(device: Device, session: Session): Probe['missing'] {
  if (!hasMemory(device)) return all(EXPORT, `no memory known in PCI ${device.identity['pci']}`);
  const buffer = session.alloc?.({ size: BigInt(pageSize()) });
  if (buffer?.ok !== true) return all(EXPORT, 'the first BAR has no memory');
  const exported = session.exportDmabuf?.(buffer.value, {});
  session.free?.(buffer.value);
  if (exported?.ok !== true) {
    const why = `${exported?.call} answers ${errnoName(exported?.errno ?? 0)}, new in 6.19`;
    return all(EXPORT, why);
  }
  const missing = probeSyncFile(exported.value);
  tryClose(exported.value);
  return missing;
}

function missingOfImport(device: Device, session: Session): Probe['missing'] {
  if (session.importDmabuf === undefined) {
    return all(IMPORT, `no engine known in PCI ${device.identity['pci']}`);
  }
  const why = missingMapFile(session.otherFds?.['iommu'] ?? -1);
  return why === undefined ? {} : all(IMPORT, why);
}

function all(names: readonly Capability[], reason: string): Probe['missing'] {
  return Object.fromEntries(names.map((name) => [name, reason]));
}
