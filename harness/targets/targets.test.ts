import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { InfraError, UsageError } from '../errors.ts';
import { discover, greet } from '../run/connect.ts';
import { ensurePackages } from '../system-packages.ts';
import type { Target } from '../target.ts';
import { createLocalTarget } from './local.ts';
import { type LoopbackSshd, startSshd } from './loopback-sshd.ts';
import { checkTargetRequest, parseTargetName, type TargetRequest } from './open-target.ts';
import { createSshTarget } from './ssh.ts';
import { labNeeds } from './vm.ts';

const never = new AbortController().signal;
const quiet = () => {};

/** A provider that finds one device; it is imported by the name of the package, as others are. */
const OWN_PROVIDER = `
import { nearestFirst } from 'uapi-conform/build/uapi/nearest.js';
const [name] = nearestFirst('on', ['one', 'three']);
const device = { address: 'own@' + name, node: '/dev/null', otherNodes: {}, identity: {} };
export const provider = {
  contract: 1, name: 'own', title: 'Own', driver: 'own', offers: [], headers: [],
  find: () => [device], probe: () => {}, open: () => {}, adopt: () => {},
};
`;

/** Greets the agent and asks for devices, which opens none. */
async function talkTo(target: Target, providers: () => readonly string[] = () => []) {
  const options = { providers, jobs: 1, isolate: false };
  const { session, hello } = await greet(target, options, quiet, never);
  const devices = await discover(session, target, quiet, never);
  return { session, hello, devices };
}

t.test('the names of targets', (t) => {
  t.strictSame(parseTargetName('local'), { kind: 'local' });
  t.strictSame(parseTargetName('vm'), { kind: 'vm' });
  t.strictSame(parseTargetName('vm:debian-6.1'), { kind: 'vm', kernel: 'debian-6.1' });
  t.strictSame(parseTargetName('ssh:root@board'), { kind: 'ssh', host: 'root@board' });
  for (const name of ['', 'Local', 'local:x', 'vm:', 'ssh', 'ssh:', 'ssh:-oProxyCommand=x']) {
    t.throws(() => parseTargetName(name), UsageError, `'${name}' is refused`);
  }
  t.end();
});

t.test('options that do not fit the target are refused', (t) => {
  const request: TargetRequest = {
    target: 'local',
    become: false,
    providers: [],
    providerPaths: [],
  };
  const here = process.execPath;
  const rows: readonly [Partial<TargetRequest>, RegExp][] = [
    [{ kernel: here }, /--kernel is for --target vm, not for local/],
    [{ become: true }, /--become is for --target ssh/],
    [{ target: 'vm', sshConfig: here }, /--ssh-config is for --target ssh/],
    [{ target: 'vm:newest', kernel: here }, /name two kernels/],
    [{ target: 'vm', modules: here }, /--modules goes with --kernel/],
    [{ target: 'vm', kernel: '/nonexistent' }, /--kernel \/nonexistent: no such file/],
  ];
  for (const [more, message] of rows) {
    t.throws(() => checkTargetRequest({ ...request, ...more }), { name: 'UsageError', message });
  }
  t.doesNotThrow(() => checkTargetRequest({ ...request, target: 'vm', kernel: here }));
  t.end();
});

t.test('a machine gets what its providers need', (t) => {
  t.strictSame(labNeeds(['vgem'], []).modules, ['vgem']);
  t.ok(labNeeds([], []).modules.includes('udmabuf'));
  const dir = t.testdir({ own: { 'lab.json': '{"modules": ["x"], "setup": ["true"]}' }, bad: {} });
  t.match(labNeeds(['own'], [join(dir, 'own')]), { modules: ['x'], devices: [], setup: ['true'] });
  const wrong = t.testdir({ own: { 'lab.json': '{"modules": "vgem"}' } });
  t.throws(() => labNeeds(['own'], [join(wrong, 'own')]), /lab.json: 'modules' must be a list/);
  t.match(labNeeds(['rdma'], []).treeModules, [{ name: 'siw', config: 'CONFIG_RDMA_SIW' }]);
  t.match(labNeeds(['sw-sync'], []).treeModules, [{ kbuild: /providers\/sw-sync\/module$/ }]);
  const needs = labNeeds(['vfio-cdev'], []);
  t.same(needs.devices, labNeeds(['iommufd'], []).devices, 'with the needs of another');
  const [tree] = needs.treeModules;
  t.match(tree, { name: 'iommufd', since: '6.2', set: { settings: { CONFIG_VFIO_MDEV: 'n' } } });
  t.ok(tree?.set?.modules.includes('vfio-pci'));
  t.match(labNeeds(['rdma'], []), { models: { efa: 'efa' }, wantsNewerQemu: false });
  t.equal(labNeeds(['virtio-gpu-host-blob'], []).wantsNewerQemu, true);
  const half = t.testdir({ own: { 'lab.json': '{"tree": [{"name": "siw"}]}' } });
  t.throws(() => labNeeds(['own'], [join(half, 'own')]), /'tree' must be a list of {name, folder/);
  t.end();
});

t.test('the local agent answers, and its death is a loss', async (t) => {
  const target = createLocalTarget();
  const { session, hello } = await talkTo(target);
  t.ok(hello.kernel.release);
  await session.close();
  const event = await session.next({ timeoutMs: 2000 });
  t.match(event, { kind: 'lost', loss: { kind: 'exited', message: /^the agent exited with 0/ } });
});

t.test('over ssh', async (t) => {
  const sshd = await sshdOrSkip(t);
  if (!sshd) return;
  t.teardown(() => sshd.stop());
  const config = sshd.config;
  const target = (host: string, become = false) =>
    createSshTarget({ host, become, config, providerPaths: [] });
  const copies = () => readdirSync(join(sshd.cache, 'uapi-conform'));

  await t.test('errors say what is missing and what to do', async (t) => {
    const rows: readonly [string, RegExp][] = [
      ['closed', /cannot connect: .*refused.*`ssh -o BatchMode=yes closed true`/],
      ['stranger', /cannot connect: .*Permission denied/],
      ['bare', /no node in the PATH.*Install Node 20.19/],
      ['old', /is Node 18.3.0, the agent needs 20.19/],
      ['exotic', /koffi has no native code for linux-sparc.*npm install/],
      ['full', /cannot be copied[\s\S]*Not a directory/],
    ];
    await Promise.all(
      rows.map(async ([host, message]) => {
        await t.rejects(target(host).connect(quiet), { name: InfraError.name, message }, host);
      }),
    );
    await t.rejects(target('bare', true).connect(quiet), { message: /sudo -n does not work/ });
  });

  await t.test('the agent is copied, answers, and is removed again', async (t) => {
    const { session, hello } = await talkTo(target('board'));
    t.equal(hello.kernel.machine, process.arch === 'x64' ? 'x86_64' : hello.kernel.machine);
    t.equal(copies().length, 1);
    await session.close();
    t.strictSame(copies(), []);
  });

  await t.test('what a panic left is removed, and what is in use is not', async (t) => {
    const left = (name: string, user?: number) => {
      const path = join(sshd.cache, 'uapi-conform', `agent.${name}`);
      mkdirSync(path, { recursive: true });
      if (user !== undefined) writeFileSync(join(path, 'used-by'), `${user}\n`);
      const old = Date.now() / 1000 - 8 * 86_400;
      utimesSync(path, old, old);
    };
    left('without a user');
    left('of the dead', 2 ** 22 + 1);
    left('in use', process.pid);
    const { session } = await talkTo(target('board'));
    t.equal(copies().length, 2);
    t.ok(copies().includes('agent.in use'));
    await session.close();
    t.strictSame(copies(), ['agent.in use']);
    rmSync(join(sshd.cache, 'uapi-conform', 'agent.in use'), { recursive: true });
  });

  await t.test('providers from outside the tree are copied along', async (t) => {
    const folder = join(mkdtempSync(join(tmpdir(), 'uapi-conform-')), 'own');
    t.teardown(() => rmSync(dirname(folder), { recursive: true }));
    mkdirSync(folder);
    writeFileSync(join(folder, 'index.js'), OWN_PROVIDER);
    const providerPaths = [folder];
    const board = createSshTarget({ host: 'board', become: false, config, providerPaths });
    const { session, devices } = await talkTo(board, () => board.providerPaths());
    await session.close();
    t.match(devices, [{ address: 'own@one', provider: 'own', node: '/dev/null' }]);
  });

  await t.test('--become runs it through sudo', async () => {
    const { session } = await talkTo(target('sudoer', true));
    await session.close();
  });

  await t.test('a connection that breaks is a loss', async (t) => {
    const { session } = await talkTo(target('board'));
    sshd.stop();
    const event = await session.next({ timeoutMs: 10_000 });
    t.match(event, { kind: 'lost', loss: { message: /the connection to board was lost/ } });
    await session.close();
    for (let wait = 0; wait < 40 && copies().length > 0; wait++) await delay(50);
    t.strictSame(copies(), [], 'the copy is removed all the same');
  });
});

async function sshdOrSkip(t: Test): Promise<LoopbackSshd | undefined> {
  try {
    await ensurePackages('tests');
  } catch (error) {
    if (!(error instanceof InfraError)) throw error;
    t.plan(0, `no-feature: ${error.message}`);
    return undefined;
  }
  return await startSshd(t.testdir({}), [
    { alias: 'board' },
    { alias: 'bare', programs: {} },
    { alias: 'old', programs: { node: 'echo 18.3.0 linux x64' } },
    { alias: 'exotic', programs: { node: 'echo 20.20.0 linux sparc' } },
    { alias: 'full', cache: '/dev/null' },
    {
      alias: 'sudoer',
      programs: { sudo: 'shift; exec "$@"', node: `exec ${process.execPath} "$@"` },
    },
  ]);
}
