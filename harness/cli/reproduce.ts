import { relative } from 'node:path';
import { shellWord } from '../shell-word.ts';
import type { RunRequest } from './run-request.ts';

/** The command line that runs one point again: the same target, devices and cases, nothing else. */
export function reproduceLine(
  request: RunRequest,
  id: string,
  devices: Readonly<Record<string, string>>,
): string {
  const { target } = request;
  const withPath = (option: string, path: string | undefined) =>
    path === undefined ? [] : [option, path];
  const words = [
    'run',
    ...(target.target === 'local' ? [] : ['--target', target.target]),
    ...withPath('--kernel', target.kernel),
    ...withPath('--modules', target.modules),
    ...withPath('--ssh-config', target.sshConfig),
    ...(target.become ? ['--become'] : []),
    ...target.providerPaths.flatMap((path) => ['--provider', shortPath(path)]),
    ...request.caseDirectories.flatMap((path) => ['--cases', shortPath(path)]),
    ...[...new Set(Object.values(devices))].flatMap((address) => ['--device', address]),
    ...(request.destructive ? ['--destructive'] : []),
    ...(request.timeoutScale === 1 ? [] : ['--timeout-scale', String(request.timeoutScale)]),
    id.replace(/#\d+$/, ''),
  ];
  return `uapi-conform ${words.map(shellWord).join(' ')}`;
}

/** As people would type it: relative where that is below the working directory. */
function shortPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === '' || fromHere.startsWith('..') ? path : `./${fromHere}`;
}
