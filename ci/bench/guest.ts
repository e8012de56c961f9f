import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from '../../uapi/project-root.ts';
import { createVmTarget } from '../lab/target.ts';

/** Runs a script of the build inside the lab's guest, in the agent's place, and gives what it printed. */
export async function printedInGuest(script: string): Promise<readonly string[]> {
  const outputDir = mkdtempSync(join(tmpdir(), 'uapi-bench-'));
  try {
    const target = await createVmTarget({
      outputDir,
      modulesToLoad: [],
      qemuDevices: [],
      agent: join(projectRoot(), 'build', script),
      say: (line) => console.error(line),
    });
    const connection = await target.connect((line) => console.error(line));
    const lines: string[] = [];
    for await (const line of createInterface({ input: connection.output })) lines.push(line);
    await connection.close();
    return lines;
  } finally {
    rmSync(outputDir, { recursive: true });
  }
}
