import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { CommandModule } from 'yargs';
import yargs from 'yargs';
import { projectRoot } from '../../uapi/project-root.ts';
import { compareCommand } from './compare-command.ts';
import { devicesCommand } from './devices-command.ts';
import { listCommand } from './list-command.ts';
import { mergeCommand } from './merge-command.ts';
import { reportCommand } from './report-command.ts';
import { runCommand } from './run-command.ts';

/** What people copy from the pages and the recipes must be a command line. */

const root = projectRoot();
const recipes = readdirSync(join(root, 'ci/recipes')).map((name) => `ci/recipes/${name}`);
const COMMANDS = /uapi-conform ((?:run|list|devices|report|merge|compare)\b[^;&#`\n]*)/g;

/** The words as a shell gives them, with something for what it puts in. */
function wordsOf(line: string): string[] {
  const filled = line.replace(/\$\{\{[^}]*\}\}|\$\{?\w+\}?/g, '1').replace(/'$/, '');
  return (filled.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) =>
    word.replace(/^['"]|['"]$/g, ''),
  );
}

/** In pages only what is indented as code; in recipes a command goes on in lines that begin with an option. */
function commandLines(path: string): string[][] {
  const text = readFileSync(join(root, path), 'utf8').replace(/\n +(?=--)/g, ' ');
  const code = path.endsWith('.md') ? (text.match(/^ {4}.*$/gm) ?? []).join('\n') : text;
  return [...code.matchAll(COMMANDS)].map(([, line = '']) => wordsOf(line));
}

function parse(words: readonly string[]): unknown {
  const parser = yargs([...words])
    .strict()
    .exitProcess(false);
  const commands: readonly unknown[] = [
    runCommand,
    listCommand,
    devicesCommand,
    reportCommand,
    mergeCommand,
    compareCommand,
  ];
  for (const command of commands) {
    parser.command({ ...(command as CommandModule), handler: () => {} });
  }
  return parser.fail(false).parse();
}

for (const path of ['README.md', 'CONTRIBUTING.md', ...recipes]) {
  t.test(`the commands of ${path} are command lines`, async (t) => {
    for (const words of commandLines(path)) t.doesNotThrow(() => parse(words), words.join(' '));
  });
}

t.test('each recipe runs something, and a wrong word would be seen', async (t) => {
  const withoutPage = recipes.filter((path) => !path.endsWith('.md'));
  for (const path of withoutPage) t.not(commandLines(path).length, 0, path);
  t.throws(() => parse(['run', '--al']), /Unknown argument: al/);
});
