import { readFileSync, writeSync } from 'node:fs';
import { dieWithParent } from '../../uapi/sys-parent.ts';
import { sendFds } from '../../uapi/sys-socket.ts';
import { CommandIndex } from './commands.ts';
import { runSteps } from './interpreter.ts';
import type { PeerLine, PeerOrder, PeerReport } from './peer-protocol.ts';
import { takeOver } from './peer-values.ts';
import { openRoles } from './point.ts';
import { loadProvider } from './provider-loader.ts';
import { RefusedImport } from './refusal.ts';
import { ReleaseStack } from './release.ts';
import { Scope } from './scope.ts';
import { type DescriptorValue, descriptorOf } from './values.ts';
import { loadVerbsFor } from './verbs/index.ts';

/**
 * The process that a `process` step starts: reads an order on standard input, runs its steps with
 * sessions of its own, gives descriptors back, and ends as it was told to.
 */

function say(line: PeerLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

async function main(): Promise<void> {
  dieWithParent(Number(process.argv[2]));
  const order = JSON.parse(readFileSync(0, 'utf8')) as PeerOrder;
  let report: PeerReport;
  try {
    report = await carryOut(order);
  } catch (error) {
    report =
      error instanceof RefusedImport
        ? { refusal: error.refusal }
        : { defect: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  say({ report });
  if (order.ends === 'SIGKILL') process.kill(process.pid, 'SIGKILL');
}

async function carryOut(order: PeerOrder): Promise<PeerReport> {
  const release = new ReleaseStack();
  const scope = new Scope();
  for (const [name, value] of Object.entries(order.parameters)) scope.set(name, value);
  const providers = await Promise.all(
    [...new Set(Object.values(order.roles).map(({ provider }) => provider))].map((name) =>
      loadProvider(name, order.providerPaths),
    ),
  );
  const byName = new Map(providers.map((provider) => [provider.name, provider]));
  for (const value of order.values) {
    if (value.kind === 'session' && !byName.has(value.provider)) {
      byName.set(value.provider, await loadProvider(value.provider, order.providerPaths));
    }
  }
  const passed = takeOver(order.values, { scope, release, providers: byName });
  const opened = openRoles(order.roles, byName, release);
  if (!opened.ok) return { defect: `${opened.call} failed in the other process` };
  await loadVerbsFor(order.steps);
  const commands = await CommandIndex.load(providers);
  const failure = runSteps(order.steps, scope, {
    release,
    sessions: opened.value,
    command: (name) => commands.find(name),
    struct: (tag) => commands.struct(tag),
    process: order,
    executed: 0,
    entering: (step) => say({ entered: step }),
  });
  const destroyed = passed.filter(({ life }) => life.destroyed).map(({ name }) => name);
  if (failure !== undefined) return { failure, destroyed };
  const given = order.give.map((name) => ({
    name,
    value: scope.value(`$${name}`, 'dmabuf', 'sync-file', 'memory', 'descriptor'),
  }));
  if (given.length > 0) {
    sendFds(
      order.socket,
      new Uint8Array(1),
      given.map(({ value }) => descriptorOf(value)),
    );
  }
  return {
    destroyed,
    given: given.map(({ name, value }) => ({ name, kind: (value as DescriptorValue).kind })),
  };
}

await main();
