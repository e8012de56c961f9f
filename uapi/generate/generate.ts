import type { Compiler } from './clang.ts';
import { type EmitOptions, emitModule, extensionOf } from './emit.ts';
import { GenerateError } from './generate-error.ts';
import { readHeader } from './header-model.ts';
import { type HeaderTree, hasHeader } from './header-tree.ts';
import type { HeaderModel } from './model.ts';
import { modulePath } from './names.ts';

/**
 * Reads the headers, and those that define structs which they use.
 *
 * @param headers names as included: 'drm/drm.h'
 */
export function readHeaders(
  compiler: Compiler,
  tree: HeaderTree,
  headers: readonly string[],
): HeaderModel[] {
  const models = new Map<string, HeaderModel>();
  const pending = [...headers];
  for (let header = pending.shift(); header !== undefined; header = pending.shift()) {
    if (models.has(header)) continue;
    if (!hasHeader(tree, header)) {
      throw new GenerateError(`no header ${header} in ${tree.includeDirs.slice(0, -1).join(', ')}`);
    }
    const model = readHeader(compiler, tree, header);
    models.set(header, model);
    pending.push(...model.foreign.values());
  }
  return [...models.values()];
}

/** The text of each module by its path below the output directory. */
export function emitModules(
  models: readonly HeaderModel[],
  options: EmitOptions,
): Map<string, string> {
  const files = new Map<string, string>();
  for (const model of models) {
    const path = modulePath(model.header, extensionOf(options));
    if (files.has(path)) throw new GenerateError(`two headers would be written to ${path}`);
    files.set(path, emitModule(model, options));
  }
  return files;
}
