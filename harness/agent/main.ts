import { writeSync } from 'node:fs';
import { type AgentMessage, decodeLine, encodeLine, type HostMessage } from '../protocol.ts';
import { Agent } from './agent.ts';

/**
 * The agent's process: the protocol on standard input and output, everything else on standard
 * error. It writes synchronously, so that what it said has left the target when it goes on.
 */

const STDOUT = 1;

function say(message: AgentMessage): void {
  const bytes = Buffer.from(encodeLine(message));
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(STDOUT, bytes, written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The host is gone: there are devices to be put back all the same.
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
    }
  }
}

const agent = new Agent(say);

async function take(line: string): Promise<void> {
  let message: HostMessage;
  try {
    message = decodeLine<HostMessage>(line);
  } catch {
    say({
      t: 'fatal',
      kind: 'infra',
      message: `not a line of the protocol: ${line.slice(0, 200)}`,
    });
    return;
  }
  await agent.handle(message);
  if (message.t === 'bye') process.exit(0);
}

let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk: string) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) void take(line);
});
// The host is gone: nobody is left to report to, and workers must not outlive us.
process.stdin.on('end', () => void agent.close().then(() => process.exit(0)));
