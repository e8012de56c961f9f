import { existsSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import t from 'tap';
import { classifyLoss } from './console.ts';
import { startModels } from './models.ts';
import { qemuArguments } from './qemu-command.ts';

t.test('a model that dies tells its last words', async (t) => {
  const outputDir = t.testdir();
  const models = startModels(['nothing-like-it'], outputDir);
  await models.failed;
  await models.end();
  t.match(
    models.failure,
    /^the device model nothing-like-it ended: status 2; there is no device mo/,
  );
  const log = readFileSync(join(outputDir, 'model-nothing-like-it.log'), 'utf8');
  t.match(log, /there are: efa/, 'they are in its log, too');
  t.equal(existsSync(dirname(models.sockets[0] ?? '')), false, 'its socket is gone');
});

t.test('a model ends with its connection, and that is no failure', async (t) => {
  const models = startModels(['efa'], t.testdir());
  const client = createConnection(models.sockets[0] ?? '');
  await new Promise((resolve) => client.once('connect', resolve));
  client.destroy();
  await models.end();
  t.equal(models.failure, undefined);
});

t.test('a model that nobody connected to is ended', async (t) => {
  const models = startModels(['efa'], t.testdir());
  await models.end();
  t.equal(models.failure, undefined);
});

t.test('no models are no processes', async (t) => {
  const models = startModels([], t.testdir());
  t.same(models.sockets, []);
  await models.end();
  t.equal(models.failure, undefined);
});

t.test('the end of a model is what became of its guest', async (t) => {
  const end = { timeoutMs: 1000, qemuError: '', qemuStatus: 'SIGKILL', modelError: 'it ended' };
  const loss = (wasReady: boolean) =>
    classifyLoss({ tail: '' }, { ...end, wasReady, reason: 'exit' });
  t.match(loss(false), { kind: 'boot-failure', message: 'it ended' });
  t.match(loss(true), { kind: 'exited', message: 'it ended' });
});

t.test(
  'a machine with models shares its memory, and its IOMMU tells them of mappings',
  async (t) => {
    const plan = {
      ...({
        accelerator: 'tcg',
        image: 'image',
        initramfs: 'initramfs',
        interactive: false,
      } as const),
      ...{ devices: ['edu'], glDevices: [], boardDevices: ['intel-iommu,intremap=on'] },
      memoryMiB: 1024,
    };
    const line = (modelSockets: readonly string[]) =>
      qemuArguments({ ...plan, modelSockets }).join(' ');
    t.notMatch(line([]), /memory-backend|vfio-user|caching-mode/);
    const args = line(['/run/a']);
    t.match(args, /memory-backend-memfd,id=ram,size=1024M,share=on -machine memory-backend=ram/);
    t.match(args, /intel-iommu,intremap=on,caching-mode=on/);
    t.match(args, /pcie-root-port,id=model0/);
    t.match(
      args,
      /"driver":"vfio-user-pci","bus":"model0","socket":{"type":"unix","path":"\/run\/a"}/,
    );
    t.ok(args.indexOf('edu') < args.indexOf('model0'), 'after devices that name no bus');
  },
);
