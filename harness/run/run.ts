/**
 * A run from its first connection to its last record. The journal is complete whatever happens: the
 * run record stands before anything can fail, the end record says how it ended.
 */
import type { DeviceRecord, RunRecord, TargetRecord, Verdict } from '../../reports/results.ts';
import { InfraError, UsageError } from '../errors.ts';
import type { Journal } from '../journal.ts';
import type { Target } from '../target.ts';
import { type AgentOptions, discover, type Greeted, greet, probe } from './connect.ts';
import { type EarlierRun, failuresLeft, pointsLeft } from './earlier-run.ts';
import { now, Recorder, type RunWatcher } from './recorder.ts';
import { RunLoop, type RunStart } from './run-loop.ts';
import type { RunPoint } from './run-point.ts';
import type { RunPolicy } from './run-policy.ts';
import type { StopSignals } from './stop-signals.ts';
import { Stopped } from './unless-stopped.ts';

/** What is to be run, once the devices are known. */
export interface RunPlan {
  readonly points: readonly RunPoint[];
  /** What a reader must know of the plan: an expectation that matches nothing. */
  readonly notes: readonly string[];
}

export interface RunSettings {
  readonly target: Target;
  readonly agent: AgentOptions;
  readonly header: RunRecord;
  readonly policy: RunPolicy;
  /** Set where the journal is that of a run that was cut short, which goes on. */
  readonly earlier?: EarlierRun;
  /** The addresses to probe of what discovery found. @throws UsageError */
  select(found: readonly DeviceRecord[]): readonly string[];
  /** @throws UsageError */
  plan(devices: readonly DeviceRecord[], kernel: string): RunPlan;
}

export interface RunEnd {
  readonly verdicts: readonly Verdict[];
  readonly interrupted: boolean;
  /** Why the run is not whole: points were left out, or no point is to blame for what happened. */
  readonly broken?: string;
}

/**
 * Points that may be on the target unanswered: so that a round trip costs nothing, and many enough that
 * behind a long topic of one device the target finds points of others to run beside it.
 */
const WINDOW = 1024;

/**
 * Runs everything and writes it to the journal, which is the caller's to close.
 * @throws UsageError from `select` and `plan`; whatever else fails ends the run as `broken`, so that
 * reports can be made of what was found until then
 */
export async function executeRun(
  settings: RunSettings,
  journal: Journal,
  watcher: RunWatcher,
  stop: StopSignals,
): Promise<RunEnd> {
  const recorder = new Recorder(journal, watcher, settings.earlier?.verdicts);
  journal.append(settings.header);
  const end = await settle(() => drive(settings, recorder, watcher, stop), stop);
  if (end.kind === 'misused') {
    journal.append({ type: 'end', at: now(), outcome: 'failed', reason: end.error.message });
    throw end.error;
  }
  const { interrupted, broken } = end;
  const outcome = interrupted ? 'interrupted' : broken === undefined ? 'complete' : 'failed';
  const reason = broken ?? (interrupted ? stop.reason : undefined);
  const result = { verdicts: recorder.verdicts, interrupted };
  try {
    journal.append({ type: 'end', at: now(), outcome, ...(reason && { reason }) });
  } catch (error) {
    return { ...result, broken: broken ?? messageOf(error) };
  }
  return { ...result, ...(broken && { broken }) };
}

type Settled =
  | { readonly kind: 'ended'; readonly interrupted: boolean; readonly broken?: string }
  | { readonly kind: 'misused'; readonly error: UsageError };

async function settle(
  work: () => Promise<string | undefined>,
  stop: StopSignals,
): Promise<Settled> {
  try {
    const broken = await work();
    return { kind: 'ended', interrupted: stop.stop.aborted, ...(broken && { broken }) };
  } catch (error) {
    if (error instanceof Stopped) return { kind: 'ended', interrupted: true };
    if (error instanceof UsageError) return { kind: 'misused', error };
    const broken = error instanceof InfraError ? error.message : defectText(error);
    return { kind: 'ended', interrupted: false, broken };
  }
}

/** An error that nobody foresaw: the only kind that shows where in the code it happened. */
export function defectText(error: unknown): string {
  const stack = error instanceof Error ? error.stack : String(error);
  return `this is a defect of uapi-conform, please report it:\n${stack}`;
}

/** Everything up to the plan, and nothing of what follows. @throws UsageError, InfraError, Stopped */
export async function planOnly(
  settings: RunSettings,
  say: (line: string) => void,
  stop: StopSignals,
): Promise<RunPlan> {
  const { greeted, plan } = await prepare(settings, say, stop.stop);
  await greeted.session.close();
  return plan;
}

interface Prepared {
  readonly greeted: Greeted;
  /** Selected. */
  readonly addresses: readonly string[];
  /** Selected and probed. */
  readonly devices: readonly DeviceRecord[];
  readonly plan: RunPlan;
}

async function prepare(
  settings: RunSettings,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Prepared> {
  const { target, agent } = settings;
  say(`starting ${target.name}`);
  const greeted = await greet(target, agent, say, signal);
  try {
    say(`looking for devices on ${target.name}`);
    const found = await discover(greeted.session, target, say, signal);
    const addresses = settings.select(found);
    say(`probing ${addresses.length} devices`);
    const devices = await probe(greeted.session, target, addresses, say, signal);
    const plan = settings.plan(devices, greeted.hello.kernel.release);
    return { greeted, addresses, devices, plan };
  } catch (error) {
    await greeted.session.close();
    throw error;
  }
}

/** @returns why the run is not whole */
async function drive(
  settings: RunSettings,
  recorder: Recorder,
  watcher: RunWatcher,
  stop: StopSignals,
): Promise<string | undefined> {
  const { target, agent, policy } = settings;
  const say = (line: string) => watcher.say(line);
  const { greeted, addresses, devices, plan } = await prepare(settings, say, stop.stop);
  const comeBack = async () => {
    const again = await greet(target, agent, say, stop.stop);
    try {
      const there = await probeThoseThere(again, target, addresses, say, stop.stop);
      recorder.target(targetRecord(again, there));
      return { session: again.session, addresses: there.map(({ address }) => address) };
    } catch (error) {
      await again.session.close();
      throw error;
    }
  };
  const loop = new RunLoop({ target, recorder, stop, comeBack, window: WINDOW, policy });
  return await loop.run({ session: greeted.session, addresses }, () => {
    recorder.target(targetRecord(greeted, devices));
    if (settings.earlier?.planned) return goOn(plan.points, settings.earlier, recorder);
    recorder.plan(plan.points);
    recorder.planned(plan.points.length);
    for (const note of plan.notes) recorder.note(note);
    return { points: plan.points, failures: [] };
  });
}

/**
 * What is left of a run that was cut short. What ran while the host went away may well be what took
 * it down: it is named, and not run again.
 */
function goOn(points: readonly RunPoint[], earlier: EarlierRun, recorder: Recorder): RunStart {
  const left = pointsLeft(points, earlier);
  recorder.planned(left.length);
  const notKilled = left.filter((point) => {
    const startedAt = earlier.killed.get(point.id);
    if (startedAt === undefined) return true;
    recorder.interrupted(point, startedAt);
    return false;
  });
  return { points: notKilled, failures: failuresLeft(points, earlier) };
}

/** A board may come back without one of its devices: asking for it would be an error. */
async function probeThoseThere(
  greeted: Greeted,
  target: Target,
  addresses: readonly string[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<readonly DeviceRecord[]> {
  const found = await discover(greeted.session, target, say, signal);
  const there = new Set(found.map(({ address }) => address));
  const wanted = addresses.filter((address) => there.has(address));
  return await probe(greeted.session, target, wanted, say, signal);
}

function targetRecord({ hello }: Greeted, devices: readonly DeviceRecord[]): TargetRecord {
  return {
    type: 'target',
    at: now(),
    kernel: hello.kernel.release,
    kernelVersion: hello.kernel.version,
    machine: hello.kernel.machine,
    taint: hello.kernel.taint,
    privileged: hello.privileged,
    devices,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
