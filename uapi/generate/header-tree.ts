import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { projectRoot } from '../project-root.ts';
import { GenerateError } from './generate-error.ts';

/** Directories that clang searches for headers, in order. */
export interface HeaderTree {
  readonly includeDirs: readonly string[];
}

/** Where below the given directory the headers may start, the kernel's own internal ones last. */
const roots = ['usr/include', 'include/uapi', 'include', '.'] as const;

function architectureDirs(root: string): string[] {
  const kernel = join(root, '../..');
  return [
    join(root, 'x86_64-linux-gnu'),
    join(kernel, 'arch/x86/include/uapi'),
    join(kernel, 'arch/x86/include/generated/uapi'),
    join(kernel, 'include/generated/uapi'),
  ].filter((dir) => existsSync(join(dir, 'asm')) || existsSync(join(dir, 'linux')));
}

/**
 * Finds the headers in an unpacked linux-libc-dev package, in the output of `make headers_install`,
 * or in a kernel source tree (built or not; what a bare tree lacks, uapi/generate/shims has, and what no
 * header of the kernel has: sw_sync's interface).
 */
export function openHeaderTree(dir: string): HeaderTree {
  const root = roots
    .map((name) => resolve(dir, name))
    .find((path) => existsSync(join(path, 'linux/types.h')));
  if (root === undefined) {
    throw new GenerateError(
      `${dir} holds no kernel headers (no linux/types.h below it); give a kernel source tree, the ` +
        'output of make headers_install, or an unpacked linux-libc-dev package',
    );
  }
  const shims = join(projectRoot(), 'uapi/generate/shims');
  return { includeDirs: [root, ...architectureDirs(root), shims] };
}

export function hasHeader(tree: HeaderTree, header: string): boolean {
  return tree.includeDirs.some((dir) => existsSync(join(dir, header)));
}

/** The flags that make clang search the tree and nothing else but its own headers. */
export function includeFlags(tree: HeaderTree): string[] {
  return tree.includeDirs.flatMap((dir) => ['-isystem', dir]);
}

/** A header's name as it is included ('drm/drm.h') from its path, or undefined outside the tree. */
export function headerName(tree: HeaderTree, path: string): string | undefined {
  const dir = tree.includeDirs.find((candidate) => path.startsWith(`${candidate}/`));
  return dir === undefined ? undefined : path.slice(dir.length + 1);
}
