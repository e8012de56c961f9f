import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { announce } from './announce.ts';
import { InfraError } from './errors.ts';

/** What needs packages of the distribution. */
export type Purpose = 'lab' | 'gl' | 'headers' | 'modules' | 'tests' | 'bench';

export interface SystemPackage {
  readonly name: string;
  /** A program (looked up in PATH and the sbin directories) or a file that proves it is there. */
  readonly proof: string;
  /** Installing it starts a service where an init system runs; that is left to the user. */
  readonly isDaemon?: true;
}

/**
 * The one list of Debian packages that are needed beyond a minimal system with Node, by purpose.
 * Recommended packages are never installed, so each package that is needed is named.
 */
export const SYSTEM_PACKAGES: Readonly<Record<Purpose, readonly SystemPackage[]>> = {
  lab: [
    { name: 'qemu-system-x86', proof: 'qemu-system-x86_64' },
    { name: 'busybox-static', proof: '/usr/share/doc/busybox-static' },
    { name: 'kmod', proof: 'depmod' },
    { name: 'xz-utils', proof: 'xz' },
    { name: 'zstd', proof: 'zstd' },
    { name: 'iproute2', proof: 'rdma' },
  ],
  gl: [
    { name: 'qemu-system-gui', proof: '/usr/share/doc/qemu-system-gui' },
    { name: 'libegl1', proof: '/usr/share/doc/libegl1' },
  ],
  headers: [{ name: 'clang', proof: 'clang' }],
  modules: [{ name: 'make', proof: 'make' }],
  tests: [
    { name: 'gcc', proof: 'gcc' },
    { name: 'libc6-dev', proof: '/usr/include/stdlib.h' },
    { name: 'openssh-client', proof: 'ssh' },
    { name: 'openssh-server', proof: 'sshd', isDaemon: true },
  ],
  bench: [
    { name: 'python3-pyverbs', proof: '/usr/share/doc/rdma-core/tests' },
    { name: 'ibverbs-providers', proof: '/etc/libibverbs.d/rxe.driver' },
    { name: 'perftest', proof: 'ib_write_lat' },
  ],
};

/** The packages of a purpose whose proof is missing on this machine. */
export function missingPackages(purpose: Purpose): SystemPackage[] {
  return SYSTEM_PACKAGES[purpose].filter((item) => !isThere(item.proof));
}

function isThere(proof: string): boolean {
  if (proof.startsWith('/')) return existsSync(proof);
  return findProgram(proof) !== undefined;
}

/** Like which(1), but also where administrators' programs are, which users lack in PATH. */
export function findProgram(name: string): string | undefined {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((part) => part !== '');
  const places = [...path, '/usr/sbin', '/sbin', '/usr/bin', '/bin'].map((part) =>
    join(part, name),
  );
  return places.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes the packages of a purpose available: silent when nothing is missing, installs as root and
 * says so,
 * and otherwise throws an InfraError that holds the command for somebody who may.
 */
export async function ensurePackages(purpose: Purpose): Promise<void> {
  const missing = missingPackages(purpose);
  if (missing.length === 0) return;
  const names = missing.map((item) => item.name);
  const command = installCommand(names);
  const wouldServe = missing.some((item) => item.isDaemon) && existsSync('/run/systemd/system');
  const mayInstall = process.getuid?.() === 0 && findProgram('apt-get') !== undefined;
  if (!mayInstall || wouldServe) {
    throw new InfraError(`missing packages for ${purpose}; run as root: ${command}`);
  }
  announce(`installing ${names.join(', ')}`);
  await install(names, command);
}

/** What an administrator types. */
export function installCommand(names: readonly string[]): string {
  return `apt-get install -y --no-install-recommends ${names.join(' ')}`;
}

async function install(names: readonly string[], command: string): Promise<void> {
  const first = await aptGet(['install', '--no-install-recommends', ...names]);
  if (first.status === 0) return;
  // The lists may be absent (a fresh container) or older than the archive. That one of the
  // machine's sources is broken matters only if the packages cannot be had from the others.
  const update = await aptGet(['update', '--error-on=any']);
  const second = await aptGet(['install', '--no-install-recommends', ...names]);
  if (second.status === 0) return;
  const reason = update.status === 0 ? second.message : update.message;
  throw new InfraError(`${command} failed: ${reason}`);
}

const DPKG_LOCK_TIMEOUT_S = 300;

function aptGet(args: readonly string[]): Promise<{ status: number; message: string }> {
  const options = ['-y', '-q', '-o', `DPkg::Lock::Timeout=${DPKG_LOCK_TIMEOUT_S}`];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  return new Promise((resolve) => {
    const child = spawn('apt-get', [...options, ...args], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on('error', (error) => resolve({ status: -1, message: error.message }));
    child.on('close', (code) => resolve({ status: code ?? -1, message: aptErrors(stderr) }));
  });
}

/** The first of apt's own error lines; its warnings and its progress are left out. */
export function aptErrors(stderr: string): string {
  const error = stderr.split('\n').find((line) => line.startsWith('E: '));
  return error?.slice(3).trim() ?? stderr.trim().slice(-300);
}
