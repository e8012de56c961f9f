import { withoutRound } from '../../reports/point-id.ts';
import { shellWord } from '../../reports/shell-word.ts';
import type { RunRequest } from './run-request.ts';
import { shortPath } from './short-path.ts';

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
    ...(target.unprivileged ? ['--unprivileged'] : []),
    ...target.providerPaths.flatMap((path) => ['--provider', typedPath(path)]),
    ...request.caseDirectories.flatMap((path) => ['--cases', typedPath(path)]),
    ...[...new Set(Object.values(devices))].flatMap((address) => ['--device', address]),
    ...(request.destructive ? ['--destructive'] : []),
    ...(request.timeoutScale === 1 ? [] : ['--timeout-scale', String(request.timeoutScale)]),
    withoutRound(id),
  ];
  return `uapi-conform ${words.map(shellWord).join(' ')}`;
}

/** A provider is told from a name by a slash. */
function typedPath(path: string): string {
  const short = shortPath(path);
  return short.includes('/') ? short : `./${short}`;
}
