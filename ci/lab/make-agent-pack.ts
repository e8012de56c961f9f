import { readFileSync } from 'node:fs';
import { SourceTextModule } from 'node:vm';
import type { PackPlan } from './agent-pack.ts';
import { publishFile } from './cache.ts';

declare module 'node:vm' {
  interface SourceTextModule {
    /** Missing in @types/node. */
    createCachedData(): Buffer;
  }
}

/** Where a module stands in a pack: its source, its compiled code behind it, and the end of that. */
type Span = readonly [source: number, code: number, end: number];

/** Makes the file that guest/packed.cjs reads; run by agent-pack.ts, with node's options for it. */
async function makePack({ output, files, ahead }: PackPlan): Promise<void> {
  const parts: Buffer[] = [];
  const spans: Record<string, Span> = {};
  let offset = 0;
  for (const file of files) {
    const text = readFileSync(file, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n');
    const source = Buffer.from(text);
    const code = codeOf(file, text);
    spans[file] = [offset, offset + source.length, offset + source.length + code.length];
    parts.push(source, code);
    offset += source.length + code.length;
  }
  const head = Buffer.from(JSON.stringify({ files: spans, ahead }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  await publishFile(output, Buffer.concat([length, head, ...parts]));
}

/** Nothing for a module that imports at run time: whom it asks then is lost in code from a cache. */
function codeOf(file: string, text: string): Buffer {
  if (/\bimport\(/.test(text)) return Buffer.alloc(0);
  return new SourceTextModule(text, { identifier: file }).createCachedData();
}

await makePack(JSON.parse(process.argv[2] ?? '') as PackPlan);
