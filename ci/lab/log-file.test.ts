import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';

const MODULE = join(import.meta.dirname, 'log-file.js');

t.test('a log that cannot be written ends nothing, and is told once', (t) => {
  const script = `
    const { openLog } = await import(${JSON.stringify(MODULE)});
    const log = openLog('/dev/full', 'boot');
    log.write('a line');
    setTimeout(() => log.end('the last', () => console.log('went on')), 50);
  `;
  const words = ['--input-type=module', '-e', script];
  const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  t.match({ stdout, status }, { stdout: 'went on\n', status: 0 });
  t.equal(stderr.match(/is not complete: ENOSPC/g)?.length, 1);
  t.end();
});
