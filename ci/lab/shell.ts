import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { InfraError, UsageError } from '../../harness/errors.ts';
import { chooseAccelerator } from './accelerator.ts';
import { withParentDeath } from './guest.ts';
import { buildInitramfs } from './initramfs.ts';
import type { Kernel } from './kernels.ts';
import { findQemu } from './qemu.ts';
import { guestMemoryMiB, qemuArguments } from './qemu-command.ts';
import { guestSurroundings } from './target.ts';

export interface ShellOptions {
  readonly kernel: Kernel;
  readonly modules: readonly string[];
  readonly devices: readonly string[];
  readonly say: (line: string) => void;
}

/**
 * Boots a guest whose console is this terminal, with a shell instead of the agent. Resolves when
 * the guest is gone.
 * @throws UsageError without a terminal
 */
export async function runLabShell(options: ShellOptions): Promise<void> {
  if (!process.stdin.isTTY) throw new UsageError('lab shell needs a terminal as its input');
  const qemu = findQemu();
  const initramfs = await buildInitramfs(options.kernel, {
    modules: options.modules,
    extraModules: [],
    setup: terminalSize(),
    ...guestSurroundings(),
    visible: [],
    run: {
      kind: 'shell',
      shell: existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh',
      term: process.env['TERM'] ?? 'linux',
    },
  });
  const args = qemuArguments({
    accelerator: await chooseAccelerator(qemu),
    image: options.kernel.image,
    initramfs: initramfs.file,
    devices: options.devices,
    glDevices: [],
    memoryMiB: guestMemoryMiB(totalmem()),
    interactive: true,
  });
  options.say(`booting ${options.kernel.release}; \`exit\` ends it, Ctrl-A X kills it`);
  await runOnTerminal(withParentDeath(qemu, args));
}

/** A serial line does not tell its terminal's size. */
function terminalSize(): string[] {
  const { columns, rows } = process.stdout;
  return columns && rows ? [`stty -F /dev/console rows ${rows} columns ${columns}`] : [];
}

function runOnTerminal([program, ...args]: readonly [string, ...string[]]): Promise<void> {
  // Ctrl-C belongs to the guest: QEMU has the terminal in raw mode.
  const child = spawn(program, args, { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new InfraError(`QEMU cannot be run: ${error.message}`)));
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new InfraError(`QEMU ended with ${signal ?? `status ${code}`}`));
    });
  });
}
