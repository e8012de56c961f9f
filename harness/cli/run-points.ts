import type { RunRecord } from '../../reports/results.ts';
import { JOURNAL_VERSION } from '../../reports/results.ts';
import { InfraError, UsageError } from '../errors.ts';
import {
  type ExpectationList,
  entriesByFolder,
  ownExpectations,
  readLists,
} from '../expectation-lists.ts';
import { Expectations } from '../expectations.ts';
import { Journal } from '../journal.ts';
import type { EarlierRun } from '../run/earlier-run.ts';
import { executeRun, planOnly, type RunEnd, type RunSettings } from '../run/run.ts';
import { StopSignals } from '../run/stop-signals.ts';
import { Stopped, unlessStopped } from '../run/unless-stopped.ts';
import { selectCases, selectDevices } from '../select.ts';
import { checkTargetRequest, type OpenTarget, openTarget } from '../targets/open-target.ts';
import { FailureLimit } from './failure-limit.ts';
import { type OutputDirectory, prepareOutput } from './output-directory.ts';
import { planRun, selectAddresses } from './plan-run.ts';
import { openRunConsole, type RunConsole } from './run-console.ts';
import { holdsPoints, isEmpty } from './run-journal.ts';
import type { RunArguments } from './run-options.ts';
import { type RunRequest, runRequest } from './run-request.ts';
import { ScratchDirectory } from './scratch-directory.ts';
import { keepHeapSmall } from './small-heap.ts';
import { loadSuite, type Suite } from './suite.ts';
import { type SuiteIdentity, suiteIdentity } from './suite-identity.ts';

/** Runs points and makes the reports. @returns the exit code */
export async function run(first: RunArguments): Promise<number> {
  keepHeapSmall();
  const start = new Date();
  const resumed = first.resume === undefined ? undefined : await goOn(first.resume);
  const given = resumed?.given ?? first;
  const request = runRequest(given);
  checkTargetRequest(request.target);
  const selected = await loadSelected(request);
  const output = resumed?.output ?? prepareOutput(request.output, start);
  using _lock = output.lock;
  const console = await openRunConsole();
  using stop = new StopSignals().listen();
  stop.stop.addEventListener('abort', () => console.say('stopping; once more kills at once'));
  limitRun(request, stop);
  try {
    const ready = await makeReady(request, output.path, console, stop);
    const settings = runSettings(request, selected, ready, start, resumed?.earlier);
    // What makes reports is slow to load, and a machine takes its time to boot.
    const finishing = import('./finish-run.ts');
    const end = await execute(settings, request, output, console, stop);
    console.stop();
    const { finishRun } = await finishing;
    return finishRun(end, request, output);
  } catch (error) {
    const { journal } = output;
    const isMisuse = error instanceof UsageError && !holdsPoints(journal);
    if (isMisuse || isEmpty(journal)) output.discard();
    throw error;
  } finally {
    console.stop();
  }
}

/** Reading a journal is slow to load, and most runs begin anew. */
async function goOn(directory: string) {
  const { resumeRun } = await import('./resume.ts');
  return resumeRun(directory);
}

function limitRun({ runTimeoutMs }: RunRequest, stop: StopSignals): void {
  if (runTimeoutMs === undefined) return;
  const limit = `${runTimeoutMs / 1000} s`;
  stop.endAfter(runTimeoutMs, `the time of the whole run is up (--run-timeout, ${limit})`);
}

/** What the user chose, as far as that can be told without a target. */
interface Selected {
  readonly suite: Suite;
  readonly lists: readonly ExpectationList[];
}

/** What a filter misspells, or a list, is told before a machine is booted for it. */
async function loadSelected(request: RunRequest): Promise<Selected> {
  const suite = await loadSuite(request.target.providerPaths, request.caseDirectories);
  selectCases(suite.cases, request.filters);
  selectDevices([], { providers: request.filters.providers, devices: [] }, suite.providers);
  return { suite, lists: readLists(request.expectations ?? ownExpectations()) };
}

/** What takes its time before a run can begin. */
interface Ready {
  readonly opened: OpenTarget;
  readonly identity: SuiteIdentity;
}

async function makeReady(
  request: RunRequest,
  outputDir: string,
  console: RunConsole,
  stop: StopSignals,
): Promise<Ready> {
  const opening = openTarget(request.target, outputDir, (line) => console.say(line), stop.stop);
  try {
    const work = Promise.all([opening, suiteIdentity()]);
    const [opened, identity] = await unlessStopped(work, stop.stop);
    return { opened, identity };
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    await Promise.allSettled([opening]);
    throw stop.reason ? new InfraError(stop.reason) : error;
  }
}

async function execute(
  settings: RunSettings,
  request: RunRequest,
  output: OutputDirectory,
  console: RunConsole,
  stop: StopSignals,
): Promise<RunEnd> {
  const syncStarted = request.sync ?? request.target.target === 'local';
  using journal = new Journal(output.journal, { syncStarted });
  const { maxFailures } = request;
  const watcher =
    maxFailures === undefined ? console : new FailureLimit(console, maxFailures, stop);
  return await executeRun(settings, journal, watcher, stop);
}

function runSettings(
  request: RunRequest,
  { suite, lists }: Selected,
  { opened: { target, providerPaths }, identity }: Ready,
  start: Date,
  earlier?: EarlierRun,
): RunSettings {
  const header: RunRecord = {
    type: 'run',
    version: JOURNAL_VERSION,
    startedAt: start.toISOString(),
    suite: identity,
    commandLine: ['uapi-conform', ...process.argv.slice(2)],
    target: target.name,
    cwd: process.cwd(),
    ...(request.seed !== undefined && { seed: request.seed }),
    ...(request.shard && { shard: request.shard }),
    ...(!request.isUnfiltered && { partial: true }),
  };
  const folders = entriesByFolder(lists);
  const today = start.toISOString().slice(0, 10);
  const board = request.board === undefined ? {} : { board: request.board };
  return {
    target,
    agent: { providers: providerPaths, jobs: request.jobs, isolate: request.isolate },
    header,
    policy: request.policy,
    ...(earlier && { earlier }),
    select: (found) => selectAddresses(request, suite, found),
    plan: (devices, kernel) => {
      const expectations = new Expectations(folders, { kernel, today, ...board });
      return planRun(request, suite, devices, target.timeoutScale, expectations);
    },
  };
}

/** `--list`: the same connection, selection and plan, but no point is sent. @returns the exit code */
export async function listPoints(given: RunArguments): Promise<number> {
  const start = new Date();
  const request = runRequest(given);
  checkTargetRequest(request.target);
  const selected = await loadSelected(request);
  const console = await openRunConsole();
  using scratch = new ScratchDirectory();
  using stop = new StopSignals().listen();
  try {
    const ready = await makeReady(request, scratch.path, console, stop);
    const settings = runSettings(request, selected, ready, start);
    const { points } = await planOnly(settings, (line) => console.say(line), stop);
    console.stop();
    for (const { id, todo } of points) {
      const skip = 'skip' in todo ? `  # skip ${todo.skip.class}: ${todo.skip.reason}` : '';
      process.stdout.write(`${id}${skip}\n`);
    }
    if (points.some(({ todo }) => 'wire' in todo)) return 0;
    throw new InfraError('no point would be run: see the reasons above.');
  } finally {
    console.stop();
  }
}
