import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { HeaderDescription } from '../description.ts';
import { description as ioctlVerbs } from '../headers/rdma/ib-user-ioctl-verbs.ts';
import { description as userVerbs } from '../headers/rdma/ib-user-verbs.ts';
import { description as mlx5 } from '../headers/rdma/mlx5-abi.ts';
import { description as mlx5Verbs } from '../headers/rdma/mlx5-user-ioctl-verbs.ts';
import { projectRoot } from '../project-root.ts';
import { GenerateError } from './generate-error.ts';
import { includeFlags, openHeaderTree } from './header-tree.ts';
import { modulePath } from './names.ts';
import { staleFiles, writeFiles } from './output-files.ts';
import { emitVerbs } from './uverbs-emit.ts';
import { evaluateVerbs } from './uverbs-model.ts';
import { readVerbsSpecs } from './uverbs-specs.ts';

const usage = `Writes the tables of RDMA verbs, uapi/headers/rdma/uverbs-*.ts, with clang.

node build/uapi/generate/uverbs-main.js --kernel-source DIR --source TEXT [options]

  --kernel-source DIR  a kernel's source tree, of the version of uapi/headers
  --source TEXT        name and version of that source, written into each file
  --clang PROGRAM      the compiler (default: clang)
  --check              write nothing; exit 1 and name the files that would change
`;

/** Where mlx5_ifc.h is: sizes of attributes are those of its structs. */
const MLX5_COMMANDS = 'include/linux/mlx5';

/** In which generated module each struct of the interface is. */
function structPlaces(headers: readonly HeaderDescription[]): Map<string, string> {
  return new Map(
    headers.flatMap(({ header, structs }) => {
      const module = modulePath(header, 'ts').replace(/^rdma\//, '');
      return Object.keys(structs).map((name) => [name, module] as const);
    }),
  );
}

/** Returns the exit code: 0 done, 1 with --check if a file differs. */
function run(): number {
  const { values } = parseArgs({
    options: {
      'kernel-source': { type: 'string' },
      source: { type: 'string' },
      clang: { type: 'string', default: 'clang' },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { 'kernel-source': kernelSource, source } = values;
  if (kernelSource === undefined || source === undefined) {
    throw new GenerateError(`--kernel-source and --source are needed\n\n${usage}`);
  }
  const tree = openHeaderTree(kernelSource);
  const compiler = {
    program: values.clang,
    includeFlags: [...includeFlags(tree), '-isystem', join(kernelSource, MLX5_COMMANDS)],
  };
  const model = evaluateVerbs(compiler, readVerbsSpecs(compiler, kernelSource));
  const files = emitVerbs(model, {
    source,
    structs: structPlaces([userVerbs, ioctlVerbs, mlx5, mlx5Verbs]),
  });
  const dir = join(projectRoot(), 'uapi/headers/rdma');
  const stale = staleFiles(dir, files);
  if (!values.check) writeFiles(dir, files);
  for (const path of stale) {
    process.stdout.write(`${values.check ? 'differs' : 'written'}: ${join(dir, path)}\n`);
  }
  process.stdout.write(`${model.methods.length} methods, ${model.commands.length} commands\n`);
  return values.check && stale.length > 0 ? 1 : 0;
}

try {
  process.exitCode = run();
} catch (error) {
  const isUsage = error instanceof GenerateError || error instanceof TypeError;
  if (!isUsage) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
