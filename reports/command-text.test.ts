import { execFileSync } from 'node:child_process';
import t from 'tap';
import { commandLines } from './command-text.ts';
import { shellWord } from './shell-word.ts';

const id = (devices: number) =>
  `submit/rdma-exported-memory/written[size=8,offset=4092]@${Array.from({ length: devices }, (_, at) => `role${at}=rdma@mlx5_${at}`).join(',')}`;
const rows: readonly (readonly string[])[] = [
  ['uapi-conform', 'run'],
  ['uapi-conform', 'run', '--target', 'vm:newest', '--device', 'rdma@mlx5_1', id(1)],
  ['uapi-conform', 'run', '--cases', "a path with blanks and a ' quote", id(4), '--all'],
  ['uapi-conform', 'run', '--cases', `/${'long/'.repeat(40)}`, 'alloc'],
];
for (const words of rows) {
  t.test(`a shell reads what was broken as ${words.at(-1)?.slice(0, 20)}`, async (t) => {
    const lines = commandLines(words.map(shellWord).join(' '), 72, 4);
    t.strictSame(
      lines.filter((line) => line.length > 72),
      [],
    );
    t.match(lines[0], /^ {4}uapi-conform run/);
    const script = lines.join('\n').replace('uapi-conform', "printf '%s\\n' uapi-conform");
    t.equal(execFileSync('sh', ['-c', script]).toString(), `${words.join('\n')}\n`);
  });
}
