import type { Step } from '../../cases/types.gen.ts';
import { checkIoctl } from './check-ioctl.ts';
import { checkNeeds, ownerOf } from './check-needs.ts';
import { checkUverbs, checkUverbsWrite } from './check-uverbs.ts';
import type { Headers } from './headers.ts';
import { hint } from './problems.ts';
import { created, rdmaObjectOf } from './rdma-needs.ts';
import { checkTexts } from './references.ts';
import type { Reply } from './reply.ts';
import { type Blame, type Entry, Scope } from './scope.ts';
import { checkKeys, checkResult } from './step-keys.ts';
import { type ResolvedValues, tryParameters } from './try-parameters.ts';
import { type Kind, VERBS, type Verb, verbsOf } from './verbs.ts';

/** What steps are checked against, besides the names that they may use. */
export interface StepContext {
  /** The roles in order; absent for a fixture by itself, which does not know them. */
  readonly roles: ReadonlyMap<string, Entry> | undefined;
  readonly headers: Headers;
  readonly resolved: ResolvedValues;
  /** The steps are those of another process, which may run in the background. */
  readonly inProcess: boolean;
  readonly inBackground?: boolean;
  /** The steps are those of a fork. */
  readonly inFork?: boolean;
  /** The case says that it is destructive and exclusive; absent for a fixture by itself. */
  readonly disturbs?: boolean;
}

/** Checks steps in order. @returns them with numbers for the names of constants */
export function checkSteps(
  steps: readonly Step[],
  scope: Scope,
  context: StepContext,
  blame: Blame,
): Step[] {
  return steps.map((step, index) => checkStep(step, scope, context, blame.below(index)));
}

function checkStep(step: Step, scope: Scope, context: StepContext, blame: Blame): Step {
  const verb = onlyVerb(step, blame);
  if (verb === undefined) return step;
  checkKeys(step, verb, blame);
  if (verb === 'touch' && !context.inProcess) {
    blame.key(['touch'], `'touch' may end its process; put it into the steps of a 'process'`);
  }
  if ((verb === 'sleep' || verb === 'interrupt') && context.inBackground !== true) {
    const mend = 'put it into the steps of a process with "background": true';
    blame.key([verb], `'${verb}' is for what runs while other steps do; ${mend}`);
  }
  if (VERBS[verb].disturbs === true && context.disturbs === false) {
    const mend = 'add "destructive": true and "exclusive": true to the case';
    blame.key([verb], `'${verb}' changes the device for everybody; ${mend}`);
  }
  const session = sessionOf(step, verb, scope, context, blame);
  checkTexts(step, scope, blame);
  checkNeeds(step, verb, session, scope, blame);
  const resolve = (tried: Step, place: Blame) => checkCommand(tried, session, context, place).step;
  tryParameters(step, scope, blame, resolve, context.resolved);
  const { step: checked, reply } = checkCommand(step, session, context, blame);
  const result = resultOf(step, verb, session, reply, scope);
  checkResult(step, verb, result, blame);
  const whole = checkInner(checked, scope, context, blame);
  if (step.as !== undefined && result !== undefined) {
    addName(step.as, result, scope, context, blame.below('as'));
  }
  return whole;
}

function onlyVerb(step: Step, blame: Blame): Verb | undefined {
  const [verb, second] = verbsOf(step);
  if (verb === undefined) {
    blame.value([], `a step needs one verb; the verbs are ${Object.keys(VERBS).join(', ')}`);
    return undefined;
  }
  if (second === undefined) return verb;
  blame.key([second], `a step has one verb, here are '${verb}' and '${second}'; make it two steps`);
  return undefined;
}

/** The session that the step goes to, where that is known; its role is used. */
function sessionOf(
  step: Step,
  verb: Verb,
  scope: Scope,
  context: StepContext,
  blame: Blame,
): Entry | undefined {
  const { session } = VERBS[verb];
  const { roles } = context;
  if (step.on === undefined) {
    const [first] = roles ?? [];
    const isFirst = session === 'first' || goesToFirst(step);
    if (first === undefined || !isFirst || step.ioctl?.fd !== undefined) return undefined;
    scope.used.add(first[0]);
    return first[1];
  }
  if (session === undefined) {
    blame.key(['on'], `'${verb}' acts on no session; remove 'on'`);
    return undefined;
  }
  const entry = roles?.get(step.on) ?? scope.get(step.on);
  scope.used.add(step.on);
  if (entry?.kind === 'session' || roles === undefined) return entry;
  const sessions = scope.names.filter((name) => scope.get(name)?.kind === 'session');
  const known = new Set([...roles.keys(), ...sessions]);
  blame.value(['on'], `'${step.on}' is no role and no open session; ${hint(step.on, known)}`);
  return undefined;
}

/** RDMA objects that are made from no other, the events of a whole context, and pages of its device. */
function goesToFirst(step: Step): boolean {
  if (step.export?.offset !== undefined) return true;
  const reachesContext = step.create !== undefined || step.readEvent !== undefined;
  return reachesContext && rdmaObjectOf(step) === undefined;
}

function checkCommand(
  step: Step,
  session: Entry | undefined,
  context: StepContext,
  blame: Blame,
): { readonly step: Step; readonly reply?: Reply } {
  const { ioctl, uverbs, uverbsWrite } = step;
  if (uverbs !== undefined) return { step: checkUverbs({ ...step, uverbs }, blame) };
  if (uverbsWrite !== undefined) return { step: checkUverbsWrite({ ...step, uverbsWrite }, blame) };
  const providers = session?.providers ?? [];
  const elsewhere = ioctl?.fd !== undefined;
  if (ioctl === undefined || (providers.length === 0 && !elsewhere)) return { step };
  const asked = context.headers.answerers(providers, elsewhere);
  return checkIoctl({ ...step, ioctl }, asked, blame);
}

/** What a step's result is to later steps; undefined when it gives nothing. */
function resultOf(
  step: Step,
  verb: Verb,
  session: Entry | undefined,
  reply: Reply | undefined,
  scope: Scope,
): Entry | undefined {
  const { gives } = VERBS[verb];
  switch (gives) {
    case 'nothing':
      return undefined;
    case 'a background process':
      return (step.process ?? step.removeDevice)?.background === true
        ? { kind: 'process' }
        : undefined;
    case 'any fields':
      return { kind: 'record' };
    case 'the struct':
      return { kind: 'record', ...(reply === undefined ? {} : { reply }) };
    case 'the same kind':
      return secondDescriptor(scope.get((step.dup ?? step.pass)?.what.slice(1) ?? ''));
    case 'session':
      return { ...session, kind: 'session' };
    case 'the created kind':
      return { kind: created(step).kind as Kind, ...ownerEntry(step, session, scope) };
    case 'buffer':
    case 'fence':
    case 'job':
      return { kind: gives, imported: verb === 'import', ...(session && { owner: session }) };
    case 'mr':
    case 'cq':
      return { kind: gives, ...ownerEntry(step, session, scope) };
    default:
      return typeof gives === 'string' ? { kind: gives } : { kind: 'record', fields: gives };
  }
}

function ownerEntry(step: Step, session: Entry | undefined, scope: Scope): { owner?: Entry } {
  const owner = session ?? ownerOf(step, scope);
  return owner === undefined ? {} : { owner };
}

/** Kinds that a second descriptor shares with the first. */
const SHARED: readonly (Kind | undefined)[] = ['session', 'dmabuf', 'sync-file', 'memory'];

function secondDescriptor(first: Entry | undefined): Entry {
  return first !== undefined && SHARED.includes(first.kind) ? first : { kind: 'descriptor' };
}

function addName(
  name: string,
  entry: Entry,
  scope: Scope,
  { roles }: StepContext,
  blame: Blame,
): void {
  if (scope.get(name) === undefined && roles?.has(name) !== true) {
    scope.add(name, entry);
    return;
  }
  blame.value([], `the name '${name}' is taken; choose another`);
}

function checkInner(step: Step, scope: Scope, context: StepContext, blame: Blame): Step {
  const { repeat, process } = step;
  if (repeat !== undefined) {
    const inside = blame.below('repeat', 'steps');
    const steps = checkSteps(repeat.steps, new Scope(scope), context, inside);
    return { ...step, repeat: { ...repeat, steps } };
  }
  if (process === undefined) return step;
  const isFork = process.fork === true;
  const inner = isFork ? new Scope(scope) : processScope(process.pass ?? [], scope);
  const inBackground = process.background === true;
  const inside = { ...context, inProcess: true, inFork: isFork, inBackground };
  if (context.inFork === true) {
    blame.key(['process'], `a fork starts no process; start it from the steps outside`);
  }
  if (isFork && process.pass !== undefined) {
    blame.key(['process', 'pass'], `a fork has everything that there is; remove 'pass'`);
  }
  for (const key of ['unprivileged', 'limits'] as const) {
    if (isFork || process[key] === undefined) continue;
    blame.key(['process', key], `only a fork can be restricted; add "fork": true`);
  }
  if (inBackground && process.give !== undefined) {
    blame.key(['process', 'give'], `a process in the background gives nothing back; remove it`);
  }
  const steps = checkSteps(process.steps, inner, inside, blame.below('process', 'steps'));
  for (const [index, name] of (process.give ?? []).entries()) {
    const place = blame.below('process', 'give', index);
    const given = inner.get(name);
    if (given === undefined) {
      place.value([], `no step inside makes '${name}'; ${hint(name, inner.names)}`);
    } else if (!GIVEN.includes(given.kind)) {
      place.value([], `'${name}' is a ${given.kind}; only ${GIVEN.join(', ')} can be given back`);
    } else {
      addName(name, given, scope, context, place);
    }
  }
  return { ...step, process: { ...process, steps } };
}

/** What can travel back from another process: descriptors that need no driver to be understood. */
const GIVEN: readonly Kind[] = ['dmabuf', 'sync-file', 'memory', 'descriptor'];

/** Another process has the parameters, what is passed to it, and sessions of its own. */
function processScope(passed: readonly string[], outer: Scope): Scope {
  const inner = new Scope(undefined, outer.used);
  for (const [name, values] of outer.parameters) inner.add(name, { kind: 'parameter', values });
  for (const reference of passed) {
    const name = reference.slice(1);
    const entry = outer.get(name);
    if (entry !== undefined) inner.add(name, entry);
  }
  return inner;
}
