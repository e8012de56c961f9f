import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../uapi/project-root.ts';
import type { Measured } from './harness.ts';

const ROUNDS = 500;
const RECORD = `${JSON.stringify({ type: 'started', id: 'a/b/c@d', at: new Date(0) })}\n`;

/**
 * What each point would cost more if the agent waited until its `started` is on the host's disk: a
 * round trip through pipes, and the disk. The protocol has no such answer; ARCHITECTURE.md says why.
 */
export async function measureAcknowledgement(): Promise<Measured> {
  const echo = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });
  // On the disk that journals are on; /tmp may be memory.
  const directory = mkdtempSync(join(projectRoot(), 'build/ack-'));
  const journal = openSync(join(directory, 'journal.jsonl'), 'a');
  try {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now();
      const back = once(echo.stdout, 'data');
      echo.stdin.write(RECORD);
      await back;
      writeSync(journal, RECORD);
      fdatasyncSync(journal);
      times.push(performance.now() - start);
    }
    const median = times.sort((a, b) => a - b)[ROUNDS / 2] ?? 0;
    const what = "an answer to 'started' would cost a point, median";
    return { what, value: `${median.toFixed(2)} ms`, target: '' };
  } finally {
    closeSync(journal);
    rmSync(directory, { recursive: true });
    echo.stdin.end();
  }
}
