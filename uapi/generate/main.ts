import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../project-root.ts';
import { emitModules, readHeaders } from './generate.ts';
import { GenerateError } from './generate-error.ts';
import { includeFlags, openHeaderTree } from './header-tree.ts';
import { staleFiles, writeFiles } from './output-files.ts';
import { wantedHeaders } from './wanted-headers.ts';

const usage = `Writes the descriptions of kernel headers (uapi/headers/) with clang.

node build/uapi/generate/main.js --headers DIR --source TEXT [options] [HEADER...]

  --headers DIR     kernel source tree, output of make headers_install, or unpacked linux-libc-dev
  --source TEXT     name and version of the headers' origin, written into each file
  --output DIR      where to write (default: uapi/headers of this checkout)
  --javascript      write modules that Node loads from anywhere, not TypeScript for this checkout
  --clang PROGRAM   the compiler (default: clang)
  --check           write nothing; exit 1 and name the files that would change
  --verbose         name the macros that are no integer constants
  HEADER...         such as drm/drm.h (default: those in uapi/generate/headers.json)
`;

function parseCommandLine() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      headers: { type: 'string' },
      source: { type: 'string' },
      output: { type: 'string' },
      clang: { type: 'string', default: 'clang' },
      javascript: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return { ...values, wanted: positionals };
}

/** Returns the exit code: 0 done, 1 with --check if a file differs. */
function run(): number {
  const options = parseCommandLine();
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (options.headers === undefined || options.source === undefined) {
    throw new GenerateError(`--headers and --source are needed\n\n${usage}`);
  }
  const tree = openHeaderTree(options.headers);
  const compiler = { program: options.clang, includeFlags: includeFlags(tree) };
  if (options.javascript && options.output === undefined) {
    throw new GenerateError('--javascript needs --output DIR');
  }
  const wanted = options.wanted.length > 0 ? options.wanted : wantedHeaders();
  const models = readHeaders(compiler, tree, wanted);
  if (options.verbose) {
    for (const { header, dropped } of models) {
      process.stdout.write(`${header}: no integers: ${dropped.join(' ') || '-'}\n`);
    }
  }
  const library = options.javascript ? new URL('..', import.meta.url).href : undefined;
  const files = emitModules(models, { source: options.source, library: library?.slice(0, -1) });
  const dir = options.output ?? join(projectRoot(), 'uapi/headers');
  const stale = staleFiles(dir, files);
  if (!options.check) writeFiles(dir, files);
  for (const path of stale) {
    process.stdout.write(`${options.check ? 'differs' : 'written'}: ${join(dir, path)}\n`);
  }
  process.stdout.write(`${files.size} headers, ${stale.length} files changed\n`);
  return options.check && stale.length > 0 ? 1 : 0;
}

function isUsageError(error: unknown): error is Error {
  if (error instanceof GenerateError) return true;
  const code = error instanceof TypeError && 'code' in error ? error.code : '';
  return typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS');
}

try {
  process.exitCode = run();
} catch (error) {
  if (!isUsageError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
