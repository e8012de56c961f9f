import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Step } from '../../../cases/types.gen.ts';
import { POLLIN } from '../../../uapi/constants.ts';
import { E } from '../../../uapi/errno.ts';
import { tryClose } from '../../../uapi/sys.ts';
import { reap } from '../../../uapi/sys-child.ts';
import { tryPoll } from '../../../uapi/sys-poll.ts';
import { socketpair } from '../../../uapi/sys-socket.ts';
import { CommandIndex } from '../commands.ts';
import { ForkServer } from '../fork-server.ts';
import { runSteps } from '../interpreter.ts';
import { openRoles } from '../point.ts';
import { loadProvider } from '../provider-loader.ts';
import { ReleaseStack } from '../release.ts';
import { Scope } from '../scope.ts';
import type { SessionValue } from '../values.ts';
import type { PointContext, VerbResult } from '../verb.ts';
import { join as joinStep } from './background.ts';
import { process as startProcess } from './process.ts';

/** Real processes, but no devices: the steps inside need none. */

/** A role needs a device: this one is /dev/null, which any system has. */
const folder = join(t.testdir({ null: { 'index.js': '' } }), 'null');
writeFileSync(
  join(folder, 'index.js'),
  `import { openSync, closeSync } from 'node:fs';
const session = () => {
  const fd = openSync('/dev/null');
  return { fd, close: () => { closeSync(fd); return { ok: true }; } };
};
export const provider = { name: 'null', headers: [], open: () => ({ ok: true, value: session() }) };
`,
);
writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
const device = { address: 'null@null', node: '/dev/null', otherNodes: {}, identity: {} };
const roles = { device: { device, provider: 'null' } };
const provider = await loadProvider('null', [folder]);
const providers = new Map([['null', provider]]);
const forks = ForkServer.start({ providers, commands: await CommandIndex.load([]) });

function noCommand(name: string): never {
  throw new Error(`no step asks for ${name}`);
}

function start(steps: readonly Step[], ends?: 'SIGKILL') {
  const scope = new Scope();
  const release = new ReleaseStack();
  const context = {
    scope,
    release,
    process: { roles, parameters: {}, forks },
    failInside: (failure) => ({
      kind: 'mismatch',
      expected: failure.expected,
      actual: failure.step,
    }),
  } as Partial<PointContext> as PointContext;
  const args = { background: true, steps: [...steps], ...(ends === undefined ? {} : { ends }) };
  const result = startProcess(args, context);
  if (result.kind === 'gave') scope.set('other', result.value);
  return { context, release, result };
}

function joined({ context }: { readonly context: PointContext }, stop = false): VerbResult {
  return joinStep({ process: '$other', stop }, context);
}

t.test('a background process runs beside, and its end is taken by a join', async (t) => {
  const started = performance.now();
  const other = start([{ sleep: '300ms' }]);
  const inside = performance.now();
  t.equal(joined(other).kind, 'gave');
  t.ok(performance.now() - inside > 250, `${inside - started} ms to start`);
  t.throws(() => joined(other), /joined before/);
  t.strictSame(other.release.releaseTo(0), []);
});

t.test('its failure is that of the join', async (t) => {
  const failing: Step[] = [{ openFds: {} }, { equal: [1, 2] }];
  t.match(joined(start(failing)), { kind: 'mismatch', actual: '2' });
  t.match(joined(start([{ openFds: {} }], 'SIGKILL')), { kind: 'gave' });
});

t.test('a fork has what is there, and gives back what it made', async (t) => {
  const { context } = start([{ sleep: '1ms' }]);
  const opened = openRoles(roles, providers, context.release);
  const sessions = opened.ok ? opened.value : new Map<string, SessionValue>();
  const around = { ...context, command: noCommand, struct: noCommand, sessions };
  const steps: Step[] = [
    { pipe: {}, as: 'before' },
    {
      process: {
        fork: true,
        give: ['made'],
        steps: [{ stat: { fd: '$before' } }, { memory: { size: 4096 }, as: 'made' }],
      },
    },
    { stat: { fd: '$made' }, gives: { size: 4096 } },
    { process: { fork: true, steps: [{ stat: { fd: '$before' } }, { equal: [1, 2] }] } },
  ];
  const failure = runSteps(steps, context.scope, { ...around, entering() {}, executed: 0 });
  t.match(failure, { step: '4.2', expected: /2/ });
  t.strictSame(context.release.releaseTo(0), []);
});

t.test('stopping it takes what had failed until then, and nothing else', async (t) => {
  t.equal(joined(start([{ sleep: '1000s' }]), true).kind, 'gave');
});

t.test('without a join it is ended with the point, and its failure is left behind', async (t) => {
  const endless = start([{ interrupt: { every: '1ms' } }]);
  t.strictSame(endless.release.releaseTo(0), []);
  t.strictSame(endless.release.left, []);
  const failing = start([{ equal: [1, 2] }]);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  failing.release.releaseTo(0);
  t.match(failing.release.left, [/^a background process: step 1: .*2/]);
});

t.test('a call is interrupted for as long as it lasts', async (t) => {
  const [near, far] = socketpair();
  const other = start([{ interrupt: { every: '100ms', times: 5 } }]);
  const errnos = [1, 2, 3, 4, 5].map(() => tryPoll([{ fd: near, events: POLLIN }], 2000).errno);
  t.strictSame(errnos, Array(5).fill(E.EINTR));
  t.equal(tryPoll([{ fd: near, events: POLLIN }], 50).ret, 0, 'and then no more');
  t.equal(joined(other).kind, 'gave');
  for (const fd of [near, far]) tryClose(fd);
  t.equal(reap(1), undefined, 'not a child');
});
