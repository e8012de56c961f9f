import { existsSync } from 'node:fs';
import { chmod, open, readdir, rename, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { InfraError } from '../../harness/errors.ts';

const LIBRARIES = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'];
/** Where libraries stand that others find by a path of an installed system. */
const PRIVATE_LIBRARIES = ['usr/lib/x86_64-linux-gnu/pulseaudio'];
const LOADER = 'ld-linux-x86-64.so.2';
const PROGRAM_FOLDERS = ['usr/bin', 'usr/lib', 'usr/libexec'];
/** What a program is called once a script stands in its place. */
const SUFFIX = '.program';

/**
 * Makes the programs of an unpacked tree run here, whatever C library this machine has: in the
 * place of each stands a script that starts it with the tree's own loader and libraries. They find
 * their parts (gcc its cc1) by their path, which stays what it was.
 *
 * @param unpacked where the tree is now
 * @param place where it will be when its programs run
 */
export async function useOwnLoader(unpacked: string, place: string): Promise<void> {
  const folder = LIBRARIES.find((path) => existsSync(join(unpacked, path, LOADER)));
  if (folder === undefined) throw new InfraError(`${unpacked} has no ${LOADER}`);
  const paths = [...LIBRARIES, ...PRIVATE_LIBRARIES].map((path) => join(place, path)).join(':');
  const start = `'${join(place, folder, LOADER)}' --argv0 "$0" --library-path '${paths}'`;
  for (const program of await programsOf(unpacked)) {
    const moved = join(place, relative(unpacked, program));
    await rename(program, `${program}${SUFFIX}`);
    await writeFile(program, `#!/bin/sh\nexec ${start} '${moved}${SUFFIX}' "$@"\n`);
    await chmod(program, 0o755);
  }
}

async function programsOf(tree: string): Promise<string[]> {
  const programs: string[] = [];
  for (const folder of PROGRAM_FOLDERS.map((path) => join(tree, path)).filter(existsSync)) {
    for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && (await isProgram(path))) programs.push(path);
    }
  }
  return programs;
}

const ELF_MAGIC = '\x7fELF';
const EXECUTABLE = 0o111;

async function isProgram(path: string): Promise<boolean> {
  if (/\.so(\.|$)/.test(path)) return false;
  const file = await open(path);
  try {
    if (((await file.stat()).mode & EXECUTABLE) === 0) return false;
    const { buffer } = await file.read(Buffer.alloc(ELF_MAGIC.length), 0, ELF_MAGIC.length, 0);
    return buffer.toString('latin1') === ELF_MAGIC;
  } finally {
    await file.close();
  }
}
