import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InfraError, UsageError } from '../../harness/errors.ts';
import { findProgram } from '../../harness/system-packages.ts';
import { openApt, type Say } from './apt.ts';
import { cacheDir, publishDirectory, publishFile } from './cache.ts';
import { DEFAULT_KERNEL, NAMED_KERNELS } from './kernels.ts';
import { useOwnLoader } from './own-loader.ts';
import { lastWords, tryProgram } from './programs.ts';

/** A QEMU and how it is started. */
export interface Qemu {
  readonly program: string;
  /** Goes before all other arguments. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** `7.2.22`; empty where it does not say. */
  readonly version: string;
  /** Brings all that rendering needs, whatever this machine has installed. */
  readonly isFetched: boolean;
}

/**
 * 10.0 is the first that offers blobs with virglrenderer, but it dies under emulation when what the host
 * shows changes while another processor reaches a device (physmem.c, iotlb_to_section()).
 */
const NEWER_MAJOR = 11;

export function isNewer({ version }: Qemu): boolean {
  return Number.parseInt(version, 10) >= NEWER_MAJOR;
}

/** @throws InfraError where none is installed */
export function findQemu(): string {
  const qemu = findProgram('qemu-system-x86_64');
  if (qemu === undefined) throw new InfraError('qemu-system-x86_64 is missing');
  return qemu;
}

/** The QEMU that is installed on this machine. */
export async function machineQemu(): Promise<Qemu> {
  const program = findQemu();
  const { stdout } = await tryProgram([program, '--version']);
  const version = /version (\d+\.[\d.]*)/.exec(stdout)?.[1] ?? '';
  return { program, args: [], env: {}, version, isFetched: false };
}

/**
 * Whether a kernel's machine is to have a newer QEMU than the distribution's: the named ones that say so.
 * UAPI_CONFORM_QEMU=machine or newer decides for all.
 */
export function wantsNewerQemu(kernel = DEFAULT_KERNEL): boolean {
  const forced = process.env['UAPI_CONFORM_QEMU'];
  if (forced === 'machine' || forced === 'newer') return forced === 'newer';
  if (forced) throw new UsageError(`UAPI_CONFORM_QEMU is "${forced}": use machine or newer`);
  return NAMED_KERNELS.some(({ name, qemu }) => name === kernel && qemu === 'newer');
}

const SUITE = 'trixie-backports';
const SUITES = ['trixie', 'trixie-security', SUITE];
/** QEMU, its SDL display, its devices that are modules, and Mesa's software renderer. */
const PACKAGES = [
  'qemu-system-x86',
  'qemu-system-gui',
  'qemu-system-modules-opengl',
  'qemu-system-modules-spice',
  'libegl1',
  'libegl-mesa0',
  'libgl1-mesa-dri',
];
/** Of usr/share; the rest is for people and desktops. */
const SHARED = ['qemu', 'seabios', 'glvnd', 'drirc.d'];

/** Says which unpacked QEMU is used, so that a cached one needs no network. */
const recordFile = (): string => cacheDir('qemu', 'current');

/** The newer QEMU in the cache; undefined when it was never fetched. No network. */
export async function cachedQemu(): Promise<Qemu | undefined> {
  if (!existsSync(recordFile())) return undefined;
  const directory = cacheDir('qemu', (await readFile(recordFile(), 'utf8')).trim());
  return existsSync(directory) ? unpackedQemu(directory) : undefined;
}

/**
 * A QEMU of a newer release with all that it depends on, the C library too, unpacked into the cache and
 * started with its own loader; nothing is installed. 140 MB to download, 450 MB unpacked.
 *
 * @throws InfraError when it cannot be had
 */
export async function fetchQemu(say: Say, refresh = false): Promise<Qemu> {
  const cached = await cachedQemu();
  if (cached !== undefined && !refresh) return cached;
  const apt = await openApt(SUITES);
  await apt.update(say, refresh);
  const packages = await apt.closure(PACKAGES, SUITE);
  const main = packages.find(({ name }) => name === PACKAGES[0]);
  if (main === undefined) throw new InfraError(`${SUITE} has no ${PACKAGES[0]}`);
  // A colon would end the path in the loader's list, so the epoch is left out.
  const folder = `${main.name}_${main.version.replace(/^\d+:/, '')}`;
  const path = cacheDir('qemu', folder);
  await publishDirectory(path, async (temporary) => {
    await apt.unpack([main, ...packages.filter((item) => item !== main)], temporary, say);
    const share = join(temporary, 'usr/share');
    const dropped = (await readdir(share)).filter((name) => !SHARED.includes(name));
    for (const name of dropped) await rm(join(share, name), { recursive: true });
    await useOwnLoader(temporary, path);
  });
  const qemu = unpackedQemu(path);
  const tried = await tryProgram([qemu.program, '--version'], { env: qemu.env });
  if (tried.status !== 0) {
    throw new InfraError(`${qemu.program} does not run here: ${lastWords(tried.stderr)}`);
  }
  await publishFile(recordFile(), `${folder}\n`);
  return qemu;
}

/**
 * QEMU, libglvnd and GBM look for their parts beside the program, which for them is the loader, or at
 * paths of an installed system: so each is told.
 */
function unpackedQemu(directory: string): Qemu {
  const at = (path: string): string => join(directory, 'usr', path);
  const libraries = 'lib/x86_64-linux-gnu';
  return {
    program: at('bin/qemu-system-x86_64'),
    args: ['share/qemu', 'share/seabios'].flatMap((path) => ['-L', at(path)]),
    env: {
      QEMU_MODULE_DIR: at(`${libraries}/qemu`),
      __EGL_VENDOR_LIBRARY_DIRS: at('share/glvnd/egl_vendor.d'),
      GBM_BACKENDS_PATH: at(`${libraries}/gbm`),
      LIBGL_DRIVERS_PATH: at(`${libraries}/dri`),
    },
    version: /_(\d+\.[\d.]*)/.exec(basename(directory))?.[1] ?? '',
    isFetched: true,
  };
}
