/** 'drm/vgem_drm.h' is described in 'drm/vgem-drm.ts', or with another extension. */
export function modulePath(header: string, extension: string): string {
  return `${header.replace(/\.h$/, '').replaceAll('_', '-')}.${extension}`;
}

/** 'drm_vgem_fence_attach' decodes to a DrmVgemFenceAttach. */
export function typeName(record: string): string {
  return record
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** The import specifier from one module to another, both below the same directory. */
export function relativeImport(from: string, to: string): string {
  const source = from.split('/').slice(0, -1);
  const target = to.split('/');
  let shared = 0;
  while (shared < source.length && source[shared] === target[shared]) shared++;
  const up = source.slice(shared).map(() => '..');
  const path = [...up, ...target.slice(shared)].join('/');
  return up.length > 0 ? path : `./${path}`;
}
