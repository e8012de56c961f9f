import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { PROTOCOL_VERSION } from '../../harness/protocol.ts';
import { FORKABLE_NODE } from '../../uapi/forkable-node.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { agentPack, PACK_NODE } from './agent-pack.ts';

const root = projectRoot();
const main = join(root, 'build/harness/agent/main.js');
const folder = mkdtempSync(join(tmpdir(), 'uapi-conform-pack-'));
t.teardown(() => rmSync(folder, { recursive: true }));

t.before(async () => {
  process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
  for (const name of ['packed.cjs', 'gate.cjs']) {
    copyFileSync(join(root, 'ci/lab/guest', name), join(folder, name));
  }
  copyFileSync(await agentPack(FORKABLE_NODE, []), join(folder, 'agent.pack'));
});

function start(program: string, flags: readonly string[] = [], input = '') {
  const args = [...flags, ...PACK_NODE, join(folder, 'packed.cjs'), program];
  return spawnSync(process.execPath, args, { encoding: 'utf8', input });
}

const HELLO = {
  t: 'hello',
  protocol: PROTOCOL_VERSION + 1,
  providers: [],
  jobs: 1,
  isolate: false,
};
const GREETING = `${JSON.stringify(HELLO)}\n${JSON.stringify({ t: 'bye' })}\n`;

t.test('the agent runs from its pack', async (t) => {
  const { stdout, stderr } = start(main, [], GREETING);
  t.match(JSON.parse(stdout), { t: 'hello', protocol: PROTOCOL_VERSION });
  t.equal(stderr, '');
});

t.test('it loads providers from there, too', async (t) => {
  const args = [...FORKABLE_NODE, ...PACK_NODE, join(folder, 'packed.cjs'), main];
  const agent = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => agent.kill('SIGKILL'));
  const hello = { ...HELLO, protocol: PROTOCOL_VERSION };
  for (const message of [hello, { t: 'discover' }]) {
    agent.stdin.write(`${JSON.stringify(message)}\n`);
  }
  const answers = createInterface(agent.stdout)[Symbol.asyncIterator]();
  t.match(JSON.parse((await answers.next()).value), { t: 'hello' });
  t.match(JSON.parse((await answers.next()).value), { t: 'devices' });
});

t.test('code that was compiled for other options of node is compiled anew', async (t) => {
  const { stdout, stderr } = start(main, ['--no-lazy'], GREETING);
  t.match(JSON.parse(stdout), { t: 'hello' });
  t.equal(stderr, '');
});

t.test('what is not in the pack is read from its place, and nothing is there twice', async (t) => {
  const errno = join(root, 'build/uapi/errno.js');
  writeFileSync(join(folder, 'part.js'), `export { errnoName } from '${errno}';`);
  const program = `
    import { existsSync } from 'node:fs';
    import { errnoName } from './part.js';
    const again = await import('file://${errno}');
    const koffi = await import('${root}/node_modules/koffi/index.js');
    console.log(existsSync('/'), errnoName === again.errnoName, import.meta.url, process.argv.length);
    console.log(typeof koffi.load);
  `;
  writeFileSync(join(folder, 'program.js'), program);
  const { stdout, stderr } = start(join(folder, 'program.js'));
  t.equal(stdout, `true true file://${folder}/program.js 2\nfunction\n`);
  t.equal(stderr, '');
});

t.test('a module that is wrong is named', async (t) => {
  writeFileSync(join(folder, 'wrong.js'), `import { nothing } from './part.js';`);
  const { status, stderr } = start(join(folder, 'wrong.js'));
  t.equal(status, 1);
  t.match(stderr, /'\.\/part\.js' does not provide an export named 'nothing'/);
});

t.test('a pack is taken from the cache while no module changes', async (t) => {
  t.equal(await agentPack([], []), await agentPack([], []));
  t.not(await agentPack(['--no-lazy'], []), await agentPack([], []));
});
