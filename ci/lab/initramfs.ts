import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InfraError } from '../../harness/errors.ts';
import { findProgram } from '../../harness/system-packages.ts';
import { shellQuote } from '../../reports/shell-word.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { PACK_NODE } from './agent-pack.ts';
import { cacheDir, dropOld, publishFile } from './cache.ts';
import {
  CHARACTER_DEVICE,
  type CpioEntry,
  DIRECTORY,
  PLAIN_FILE,
  PROGRAM,
  writeCpio,
} from './cpio.ts';
import type { Kernel } from './kernels.ts';
import { type ModuleIndex, planModules, readModuleIndex } from './modules.ts';

/** Name of the virtio serial port that carries the protocol. */
export const PORT_NAME = 'org.uapi-conform.agent';

/** What the guest is told; everything here is part of the initial RAM disk and of its cache key. */
export interface GuestPlan {
  /** Drivers to load before the agent starts. */
  readonly modules: readonly string[];
  /** Paths of .ko files that are loaded after them. */
  readonly extraModules: readonly string[];
  /** Shell commands run in the guest before the agent starts. */
  readonly setup: readonly string[];
  readonly cwd: string;
  readonly home: string;
  readonly path: string;
  /** Paths of the host that must be seen even if they lie below /tmp or /run. */
  readonly visible: readonly string[];
  /** An ordinary user, uid and gid, to run the agent as; root where there is none. */
  readonly user?: number;
  /** Program that talks on the port, and its script; or a shell on the console. */
  readonly run:
    | {
        readonly kind: 'agent';
        readonly node: string;
        readonly script: string;
        /** What node is started with. */
        readonly flags: readonly string[];
        /** The script and its modules in one file, see agent-pack.ts; absent for other scripts. */
        readonly pack?: string;
      }
    | { readonly kind: 'shell'; readonly shell: string; readonly term: string };
}

/** A built initial RAM disk. */
export interface Initramfs {
  readonly file: string;
  /** Drivers that this kernel does not have. */
  readonly missing: readonly string[];
}

/** What the guest needs before it sees the host's files. */
const BOOT_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay', 'virtio_console'];

const KEPT = 12;

/** Builds the initial RAM disk of a kernel, or takes it from the cache when no input has changed. */
export async function buildInitramfs(kernel: Kernel, plan: GuestPlan): Promise<Initramfs> {
  const index = kernel.modules === undefined ? noModules() : await readModuleIndex(kernel.modules);
  const boot = planModules(index, BOOT_MODULES);
  const lab = planModules(index, plan.modules);
  const later = lab.files.filter((file) => !boot.files.includes(file));
  const own = [...boot.files, ...later].map((file) => join(kernel.modules ?? '', file));
  const modules = [...own, ...plan.extraModules];
  const busybox = staticBusybox();
  const scripts = join(projectRoot(), 'ci', 'lab', 'guest');
  const texts: Readonly<Record<string, string>> = {
    init: await readFile(join(scripts, 'init.sh'), 'utf8'),
    'lab/session.sh': await readFile(join(scripts, 'session.sh'), 'utf8'),
    'lab/slots.sh': await readFile(join(scripts, 'slots.sh'), 'utf8'),
    'lab/gate.cjs': await readFile(join(scripts, 'gate.cjs'), 'utf8'),
    'lab/packed.cjs': await readFile(join(scripts, 'packed.cjs'), 'utf8'),
    'lab/setup.sh': plan.setup.map(setupCommand).join(''),
    'lab/env': environment(kernel, plan, boot.files, [...later, ...plan.extraModules]),
  };
  const pack = plan.run.kind === 'agent' ? plan.run.pack : undefined;
  const packs = pack === undefined ? [] : [pack];
  // A pack is named by its content, and used ones are touched.
  const key = await cacheKey([busybox, ...modules], [...Object.values(texts), ...packs]);
  const file = cacheDir('initramfs', `${key}.cpio`);
  if (existsSync(file)) await utimes(file, new Date(), new Date());
  else await publishFile(file, writeCpio(await entries(busybox, modules, texts, packs)));
  await dropOld(cacheDir('initramfs'), '.cpio', KEPT);
  // Without an index nothing is known of what is built in.
  return { file, missing: kernel.modules === undefined ? [] : lab.missing };
}

function noModules(): ModuleIndex {
  return { files: new Map(), needs: new Map(), builtin: new Set() };
}

/** The host's busybox must be static, since the initial RAM disk has no C library. */
function staticBusybox(): string {
  const path = findProgram('busybox');
  if (path === undefined)
    throw new InfraError('busybox is missing: apt-get install busybox-static');
  return path;
}

function environment(
  kernel: Kernel,
  plan: GuestPlan,
  boot: readonly string[],
  later: readonly string[],
): string {
  const names = (files: readonly string[]): string => files.map(loadedName).join(' ');
  const { run } = plan;
  const programs = run.kind === 'agent' ? [run.node, run.script] : [];
  const visible = [plan.cwd, kernel.modules ?? '', ...programs, ...plan.visible];
  const variables: Readonly<Record<string, string>> = {
    BOOT_MODULES: names(boot),
    LAB_MODULES: names(later),
    MODULES_DIR: kernel.modules ?? '',
    KERNEL_CONFIG: kernel.config ?? '',
    RELEASE: kernel.release,
    VISIBLE: visible.map((path) => ` ${path}/`).join(''),
    PORT_NAME,
    LAB_CWD: plan.cwd,
    LAB_HOME: plan.home,
    LAB_PATH: plan.path,
    LAB_NODE: run.kind === 'agent' ? run.node : '',
    LAB_NODE_FLAGS: run.kind === 'agent' ? startWords(run.flags, run.pack).join(' ') : '',
    LAB_AGENT: run.kind === 'agent' ? run.script : '',
    LAB_USER: plan.user === undefined ? '' : String(plan.user),
    // By its path: busybox has one of its own, which knows no users.
    LAB_SETPRIV: plan.user === undefined ? '' : (findProgram('setpriv') ?? 'setpriv'),
    LAB_SHELL: run.kind === 'shell' ? run.shell : '',
    LAB_TERM: run.kind === 'shell' ? run.term : '',
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${shellQuote(value)}`);
  return `${lines.join('\n')}\n`;
}

/** What comes between node and the script: both ways wait until the drivers are loaded. */
function startWords(flags: readonly string[], pack: string | undefined): readonly string[] {
  if (pack === undefined) return [...flags, '--require', '/run/lab/gate.cjs'];
  return [...flags, ...PACK_NODE, '/run/lab/packed.cjs'];
}

/** Each command on its own: one that fails must not keep another provider's device away. */
function setupCommand(command: string): string {
  return `sh -c ${shellQuote(command)} || echo ${shellQuote(`lab: set-up failed: ${command}`)}\n`;
}

/** A module's name in the initial RAM disk: decompressed, so that no guest time is spent on it. */
function loadedName(file: string): string {
  return basename(file).replace(/\.(xz|zst|gz)$/, '');
}

async function cacheKey(files: readonly string[], texts: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) {
    const { size, mtimeMs } = await stat(file);
    hash.update(`${file}\0${size}\0${mtimeMs}\0`);
  }
  for (const text of texts) hash.update(`${text}\0`);
  return hash.digest('hex').slice(0, 32);
}

async function entries(
  busybox: string,
  modules: readonly string[],
  texts: Readonly<Record<string, string>>,
  packs: readonly string[],
): Promise<CpioEntry[]> {
  const folders = ['dev', 'proc', 'sys', 'host', 'overlay', 'root', 'lab', 'lab/modules'];
  const list: CpioEntry[] = folders.map((path) => ({ path, mode: DIRECTORY }));
  list.push({ path: 'dev/console', mode: CHARACTER_DEVICE, device: { major: 5, minor: 1 } });
  list.push({ path: 'lab/busybox', mode: PROGRAM, content: await readFile(busybox) });
  for (const [path, text] of Object.entries(texts)) {
    list.push({ path, mode: path === 'init' ? PROGRAM : PLAIN_FILE, content: Buffer.from(text) });
  }
  for (const file of packs) {
    list.push({ path: 'lab/agent.pack', mode: PLAIN_FILE, content: await readFile(file) });
  }
  for (const file of modules) {
    const content = await readModule(file);
    list.push({ path: `lab/modules/${loadedName(file)}`, mode: PLAIN_FILE, content });
  }
  return list;
}

const DECOMPRESSORS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  '.xz': ['xz', '-dc'],
  '.zst': ['zstd', '-dqc'],
  '.gz': ['gzip', '-dc'],
};
const MODULE_LIMIT_BYTES = 1 << 30;

async function readModule(file: string): Promise<Buffer> {
  const command = DECOMPRESSORS[file.slice(file.lastIndexOf('.'))];
  if (command === undefined) return await readFile(file);
  const [program, ...args] = command;
  const result = spawnSync(program, [...args, file], { maxBuffer: MODULE_LIMIT_BYTES });
  if (result.status === 0) return result.stdout;
  throw new InfraError(`${file} cannot be read: ${result.error?.message ?? String(result.stderr)}`);
}
