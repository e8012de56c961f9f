/**
 * A machine that ssh reaches: the agent is copied over, run and removed again. Needs Node there and
 * nothing else.
 */

import { shellQuote } from '../../reports/shell-word.ts';
import { FORKABLE_NODE } from '../../uapi/forkable-node.ts';
import { InfraError } from '../errors.ts';
import type { Target, TargetConnection, TargetLoss } from '../target.ts';
import { bundleStream, placeInBundle } from './agent-bundle.ts';
import { type ChildEnd, startChildAgent } from './child-agent.ts';
import { AGENT_ENTRY } from './local.ts';
import { runScript, SSH_FAILED, type SshHost, sshArguments, sshProgram } from './ssh-command.ts';

export interface SshTargetOptions extends SshHost {
  /** Run the agent as root, by `sudo -n`. */
  readonly become: boolean;
  /** Provider folders outside the tree, copied along. */
  readonly providerPaths: readonly string[];
}

export interface SshTarget extends Target {
  /** Where the copied provider folders are, once the target is connected. */
  providerPaths(): readonly string[];
}

/** package.json, engines */
const LEAST_NODE = [20, 19] as const;
const PROBE_LIMIT_MS = 60_000;
const COPY_LIMIT_MS = 300_000;

/** What the host says of itself before anything is copied to it. */
interface RemoteNode {
  readonly program: string;
  readonly arch: string;
}

export function createSshTarget(options: SshTargetOptions): SshTarget {
  let directory = '';
  return {
    name: `ssh:${options.host}`,
    canReturn: true,
    timeoutScale: 1,
    providerPaths: () =>
      options.providerPaths.map((path) => `${directory}/${placeInBundle(path).name}`),
    connect: async (say) => {
      say(`${options.host}: looking for node`);
      const node = await findNode(options);
      say(`${options.host}: copying the agent`);
      directory = await copyAgent(options, node);
      return startAgent(options, node, directory, say);
    },
  };
}

const MARK = 'uapi-conform:';

/** Login scripts may print too, so the answer carries a mark. */
const PROBE_SCRIPT = `
node=$(command -v node) || { echo "${MARK}no-node"; exit 0; }
echo "${MARK}$("$node" -p 'process.versions.node + " " + process.platform + " " + process.arch') $node"
`;

async function findNode(options: SshTargetOptions): Promise<RemoteNode> {
  const { host } = options;
  const sudo = options.become ? `sudo -n true || echo "${MARK}no-sudo"` : '';
  const result = await runScript(options, `${sudo}${PROBE_SCRIPT}`, PROBE_LIMIT_MS);
  if (result.code === SSH_FAILED) throw connectError(host, result.errors);
  const answers = markedLines(result.output);
  if (answers.includes('no-sudo')) throw sudoError(host, result.errors);
  const [version, platform, arch, program] = (answers.at(-1) ?? '').split(' ');
  if (version === 'no-node') throw noNodeError(host);
  if (!version || platform === undefined || arch === undefined || program === undefined) {
    throw new InfraError(`ssh ${host}: unexpected answer: ${result.output}${result.errors}`);
  }
  if (platform !== 'linux') throw new InfraError(`ssh ${host}: runs ${platform}, not Linux.`);
  if (!isNewEnough(version)) {
    throw new InfraError(
      `ssh ${host}: ${program} is Node ${version}, the agent needs ${LEAST_NODE.join('.')} or ` +
        'newer. Install a newer Node there, first in PATH.',
    );
  }
  return { program, arch };
}

/** In the agent's directory: the process that uses it. */
const USER_FILE = 'used-by';

/** Directories that a panic left there are removed after a week; a run may last longer. */
const COPY_SCRIPT = `
set -e
cache="\${XDG_CACHE_HOME:-$HOME/.cache}/uapi-conform"
mkdir -p "$cache"
find "$cache" -maxdepth 1 -name 'agent.*' -mtime +6 | while read -r old; do
  user=$(cat "$old/${USER_FILE}" 2>/dev/null) || user=
  [ -n "$user" ] && [ -d "/proc/$user" ] || rm -rf "$old"
done
directory=$(mktemp -d "$cache/agent.XXXXXX")
tar -xzf - -C "$directory"
ln -s .. "$directory/node_modules/uapi-conform"
echo "${MARK}$directory"
`;

async function copyAgent(options: SshTargetOptions, node: RemoteNode): Promise<string> {
  const bundle = bundleStream(node.arch, options.providerPaths);
  const result = await runScript(options, COPY_SCRIPT, COPY_LIMIT_MS, bundle);
  const directory = markedLines(result.output).at(-1);
  if (result.code === 0 && directory) return directory;
  if (result.code === SSH_FAILED) throw connectError(options.host, result.errors);
  throw new InfraError(
    `ssh ${options.host}: the agent cannot be copied to ~/.cache/uapi-conform there: ` +
      `${result.errors}. Free space, or set XDG_CACHE_HOME in that user's environment.`,
  );
}

function startAgent(
  options: SshTargetOptions,
  node: RemoteNode,
  directory: string,
  say: (line: string) => void,
): TargetConnection {
  const sudo = options.become ? 'sudo -n ' : '';
  const where = shellQuote(directory);
  // The agent ends when the connection does, so what follows it is run in any case.
  const script = `cd ${where} && echo $$ > ${USER_FILE} && ${sudo}${shellQuote(node.program)} ${FORKABLE_NODE.join(' ')} ${AGENT_ENTRY}; code=$?; cd /; rm -rf ${where}; exit $code`;
  return startChildAgent({
    program: sshProgram(),
    args: sshArguments(options, script),
    explain: (end) => explainLoss(end, options.host),
    onErrorLine: (line) => say(`${options.host}: ${line}`),
  });
}

/** ssh says on stderr what became of the connection. */
function explainLoss({ how, code, errors }: ChildEnd, host: string): TargetLoss {
  if (code !== SSH_FAILED) {
    return { kind: 'exited', message: `the agent on ${host} ${how}`, console: errors };
  }
  const words = errors.trim().split('\n').at(-1);
  return {
    kind: 'closed',
    message: `the connection to ${host} was lost: ${words}`,
    console: errors,
  };
}

function markedLines(output: string): string[] {
  const lines = output.split('\n').filter((line) => line.startsWith(MARK));
  return lines.map((line) => line.slice(MARK.length));
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
}

function connectError(host: string, errors: string): InfraError {
  return new InfraError(
    `ssh ${host}: cannot connect: ${errors}. ` +
      `\`ssh -o BatchMode=yes ${host} true\` must work without a question.`,
  );
}

function sudoError(host: string, errors: string): InfraError {
  return new InfraError(
    `ssh ${host}: sudo -n does not work there: ${errors}. ` +
      'Allow it without a password, or log in as root and leave out --become.',
  );
}

function noNodeError(host: string): InfraError {
  return new InfraError(
    `ssh ${host}: no node in the PATH of a shell without login. ` +
      `Install Node ${LEAST_NODE.join('.')} or newer there; \`ssh ${host} command -v node\` must find it.`,
  );
}
