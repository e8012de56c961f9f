import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { labNeeds } from '../../harness/targets/vm.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { createVmTarget } from '../lab/target.ts';

export interface GuestWish {
  /** The guest has what these providers need, as in a run. */
  readonly providers?: readonly string[];
  /** Also modules that are not in the kernel's package and must be built, and device models. */
  readonly builds?: boolean;
  /** Shell commands for the guest, after those of the providers. */
  readonly setup?: readonly string[];
  /** NAME as in `vm:NAME`. */
  readonly kernel?: string;
}

/** Runs a script of the build inside the lab's guest, in the agent's place, and gives what it prints. */
export async function* linesFromGuest(
  script: string,
  { providers = [], builds = false, setup = [], kernel }: GuestWish = {},
): AsyncGenerator<string> {
  const outputDir = mkdtempSync(join(tmpdir(), 'uapi-bench-'));
  const needs = providers.length > 0 ? labNeeds(providers, []) : undefined;
  try {
    const target = await createVmTarget({
      outputDir,
      modulesToLoad: needs?.modules ?? [],
      qemuDevices: needs?.devices ?? [],
      glDevices: needs?.glDevices ?? [],
      newerDevices: needs?.newerDevices ?? {},
      boardDevices: needs?.boardDevices ?? [],
      kernelArguments: needs?.kernelArguments ?? [],
      setup: [...(needs?.setup ?? []), ...setup],
      modulesToBuild: (builds && needs?.builds) || [],
      treeModules: (builds && needs?.treeModules) || [],
      models: (builds && needs?.models) || {},
      agent: join(projectRoot(), 'build', script),
      ...(kernel !== undefined && { kernel }),
      say: (line) => console.error(line),
    });
    const connection = await target.connect((line) => console.error(line));
    yield* createInterface({ input: connection.output });
    await connection.close();
  } finally {
    rmSync(outputDir, { recursive: true });
  }
}

/** All that a script prints in the guest. */
export async function printedInGuest(script: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of linesFromGuest(script)) lines.push(line);
  return lines;
}
