/** For tests: an sshd of our own on the loopback, and a client configuration that knows it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { shellQuote } from '../../reports/shell-word.ts';
import { findProgram } from '../system-packages.ts';

/** What `node` is in the search path of a host alias. */
export interface LoopbackHost {
  readonly alias: string;
  /** Shell scripts by program name, in place of everything but a few basic programs. */
  readonly programs?: Readonly<Record<string, string>>;
  /** XDG_CACHE_HOME there; default: one that works. */
  readonly cache?: string;
}

export interface LoopbackSshd {
  /** A file for `ssh -F`. */
  readonly config: string;
  /** XDG_CACHE_HOME there. */
  readonly cache: string;
  /** A shell command that starts the server again after `stop`, as power that returns would. */
  readonly startAgain: string;
  /** Ends the server and every session, as a power cut would. */
  stop(): void;
}

/** Starts it on free ports, one for each host alias; keys and everything else stay in `directory`. */
export async function startSshd(
  directory: string,
  hosts: readonly LoopbackHost[],
): Promise<LoopbackSshd> {
  const file = (name: string) => join(directory, name);
  for (const key of ['host', 'user', 'stranger']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
  }
  copyFileSync(file('user.pub'), file('authorized'));
  const cache = file('cache');
  mkdirSync(cache);
  const separation = makeSeparationDirectory();
  const [closed = 0, ...ports] = await freePorts(hosts.length + 1);
  const blocks = hosts.map((host, index) => {
    const path = searchPath(host, directory);
    const place = host.cache ?? cache;
    return `Match LocalPort ${ports[index]}\n  SetEnv PATH=${path} XDG_CACHE_HOME=${place}\n`;
  });
  const options = [
    ...ports.map((port) => `ListenAddress 127.0.0.1:${port}`),
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('authorized')}`,
    `PidFile ${file('pid')}`,
    ...['UsePAM no', 'StrictModes no', 'PermitRootLogin prohibit-password'],
  ];
  writeFileSync(file('sshd_config'), `${options.join('\n')}\n${blocks.join('')}`);
  writeFileSync(file('ssh_config'), clientConfig(directory, hosts, ports, closed));
  // By its path: sshd starts itself anew for each connection.
  const program = findProgram('sshd') ?? 'sshd';
  const first = spawn(program, ['-D', '-e', '-f', file('sshd_config')], { stdio: 'ignore' });
  await Promise.all(ports.map(answers));
  return {
    config: file('ssh_config'),
    cache,
    startAgain: `${makeAgain(separation)}${program} -f ${shellQuote(file('sshd_config'))}`,
    stop: () => stop(first, file('pid'), separation),
  };
}

function clientConfig(
  directory: string,
  hosts: readonly LoopbackHost[],
  ports: readonly number[],
  closed: number,
): string {
  const blocks = hosts.map(({ alias }, index) => `Host ${alias}\n  Port ${ports[index]}\n`);
  return `Host stranger
  Port ${ports[0]}
  IdentityFile ${join(directory, 'stranger')}
Host closed
  Port ${closed}
${blocks.join('')}Host * !stranger
  IdentityFile ${join(directory, 'user')}
Host *
  HostName 127.0.0.1
  IdentitiesOnly yes
  IdentityAgent none
  StrictHostKeyChecking no
  UserKnownHostsFile ${join(directory, 'known')}
  LogLevel ERROR
`;
}

/** Login shells of tests need little; with own programs nothing else is to be found. */
function searchPath({ alias, programs }: LoopbackHost, directory: string): string {
  if (!programs) return `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
  const folder = join(directory, `bin-${alias}`);
  mkdirSync(folder);
  for (const name of ['sh', 'mkdir', 'mktemp', 'tar', 'gzip', 'find', 'ln', 'rm', 'true']) {
    symlinkSync(findProgram(name) ?? name, join(folder, name));
  }
  for (const [name, script] of Object.entries(programs)) {
    // A new file only: what is there already is a link to a program of this machine.
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { flag: 'wx', mode: 0o755 });
  }
  return folder;
}

/** All are taken before one is given back, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  for (const server of servers) {
    await new Promise((resolve) => server.close(resolve));
  }
  return ports;
}

async function answers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (isUp) return;
    await delay(50);
  }
  throw new Error(`sshd does not listen on port ${port}`);
}

/**
 * Where root starts it, sshd wants this directory, which only its service would make.
 * @returns it, when it was not there before
 */
function makeSeparationDirectory(): string | undefined {
  const path = '/run/sshd';
  if (process.getuid?.() !== 0 || existsSync(path)) return undefined;
  mkdirSync(path);
  return path;
}

function makeAgain(separation: string | undefined): string {
  return separation === undefined ? '' : `mkdir -p ${separation}; `;
}

/** The server and its sessions, but not what the sessions run: that only loses its connection. */
function stop(first: ChildProcess, pidFile: string, separation: string | undefined): void {
  const isFirst = first.exitCode === null && first.signalCode === null;
  // The directory may be gone before the tests are; a server that was started again needs its file.
  const again = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : undefined;
  const sshd = isFirst ? first.pid : again;
  if (sshd === undefined) return;
  for (const pid of [sshd, ...sessionsBelow(sshd)]) process.kill(pid, 'SIGKILL');
  rmSync(pidFile, { force: true });
  if (separation !== undefined && existsSync(separation)) rmdirSync(separation);
}

/** Sessions have process groups of their own, so they are found by their parents. */
function sessionsBelow(parent: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isChild(name, parent))
    .map(Number);
  return children.flatMap((pid) => [pid, ...sessionsBelow(pid)]);
}

/** Source: Documentation/filesystems/proc.rst, /proc/PID/stat: the name in brackets, state, parent. */
function isChild(pid: string, parent: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return new RegExp(`\\(sshd\\) \\S ${parent} `).test(stat);
  } catch {
    return false;
  }
}
