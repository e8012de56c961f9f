import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, resolve } from 'node:path';
import { SourceTextModule } from 'node:vm';
import type { PackPlan } from './agent-pack.ts';
import { publishFile } from './cache.ts';

declare module 'node:vm' {
  interface SourceTextModule {
    /** Missing in @types/node. */
    createCachedData(): Buffer;
  }
}

/** What guest/packed.cjs reads first. */
interface PackHead {
  readonly files: readonly string[];
  /** By file: where its source starts, its compiled code behind it, and the end of that. */
  readonly spans: readonly (readonly [source: number, code: number, end: number])[];
  /** By file: what its imports lead to, a number of `files` or what node is to load. */
  readonly links: readonly Readonly<Record<string, number | string>>[];
  readonly ahead: readonly string[];
}

/** Run by agent-pack.ts, with node's options for it. */
async function makePack({ output, files, ahead }: PackPlan): Promise<void> {
  const parts: Buffer[] = [];
  const spans: [number, number, number][] = [];
  const links: Record<string, number | string>[] = [];
  const numbers = new Map(files.map((file, index) => [file, index]));
  let offset = 0;
  for (const file of files) {
    const text = readFileSync(file, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n');
    const module = new SourceTextModule(text, { identifier: file });
    const source = Buffer.from(text);
    const code = codeOf(module, text);
    spans.push([offset, offset + source.length, offset + source.length + code.length]);
    links.push(linksOf(module, file, numbers));
    parts.push(source, code);
    offset += source.length + code.length;
  }
  const head: PackHead = { files, spans, links, ahead };
  const bytes = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  await publishFile(output, Buffer.concat([length, bytes, ...parts]));
}

/** Nothing for a module that imports at run time: whom it asks then is lost in code from a cache. */
function codeOf(module: SourceTextModule, text: string): Buffer {
  return /\bimport\(/.test(text) ? Buffer.alloc(0) : module.createCachedData();
}

/** Where imports lead; what is not known here is looked up in the guest. */
function linksOf(
  module: SourceTextModule,
  file: string,
  numbers: ReadonlyMap<string, number>,
): Record<string, number | string> {
  const entries = module.dependencySpecifiers.flatMap((specifier) => {
    const isPath = /^\.{0,2}\//.test(specifier);
    const to = isPath ? numbers.get(resolve(dirname(file), specifier)) : resolved(specifier, file);
    return to === undefined ? [] : [[specifier, to] as const];
  });
  return Object.fromEntries(entries);
}

function resolved(specifier: string, file: string): string | undefined {
  if (isBuiltin(specifier)) return specifier;
  try {
    return createRequire(file).resolve(specifier);
  } catch {
    return undefined;
  }
}

await makePack(JSON.parse(process.argv[2] ?? '') as PackPlan);
