import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { forkableNode } from '../../uapi/forkable-node.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { InfraError } from '../errors.ts';
import type { Target } from '../target.ts';
import { startChildAgent } from './child-agent.ts';

/** The compiled entry of the agent, below the directory that holds package.json. */
export const AGENT_ENTRY = 'build/harness/agent/main.js';

/** An agent that ends puts back first what a point took away: see `harness/agent/lane.ts`. */
const PATIENCE_MS = 40_000;

/** This machine. A panic takes it down with all that is here, so only the agent's own end is a loss. */
export function createLocalTarget(): Target {
  return {
    name: 'local',
    canReturn: true,
    timeoutScale: 1,
    connect: async (say) => {
      const entry = join(projectRoot(), AGENT_ENTRY);
      if (!existsSync(entry)) {
        throw new InfraError(`${entry} is missing: build the suite first (npm run build).`);
      }
      return startChildAgent({
        program: process.execPath,
        args: [...forkableNode(isEmulated()), entry],
        explain: ({ how, errors }) => {
          return { kind: 'exited', message: `the agent ${how}`, console: errors };
        },
        onErrorLine: (line) => say(`agent: ${line}`),
        patienceMs: PATIENCE_MS,
      });
    },
  };
}

/** Whether this machine is a guest of QEMU without KVM. Source: QEMU, target/i386/cpu.c, max_x86_cpu_initfn() */
function isEmulated(): boolean {
  return cpus()[0]?.model.includes('QEMU TCG CPU') === true;
}
