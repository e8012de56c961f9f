import type { Step } from '../../cases/types.gen.ts';
import { errnoName, errnoNumber, isKernelInternalErrno } from '../../uapi/errno.ts';
import { durationMs } from '../duration.ts';
import { hint } from './problems.ts';
import { fieldProblem } from './references.ts';
import type { Blame, Entry } from './scope.ts';
import { VERBS, type Verb } from './verbs.ts';

/** Checks the keys that are no verb, as far as they need no look at other steps. */
export function checkKeys(step: Step, verb: Verb, blame: Blame): void {
  const { fails, mayFail, mayRefuse, takes } = step;
  if (VERBS[verb].check === true && fails !== undefined) {
    blame.key(['fails'], `'${verb}' makes no call that could fail; remove 'fails'`);
  }
  for (const key of ['as', 'gives'] as const) {
    const failure = fails === undefined ? (mayFail === undefined ? '' : 'mayFail') : 'fails';
    if (failure === '' || step[key] === undefined) continue;
    blame.key([key], `a step that fails gives nothing; remove '${key}' or '${failure}'`);
  }
  for (const [index, name] of [fails ?? []].flat().entries()) {
    checkErrno(name, Array.isArray(fails) ? blame.below('fails', index) : blame.below('fails'));
  }
  if (mayFail !== undefined && (fails !== undefined || VERBS[verb].check === true)) {
    blame.key(['mayFail'], `it stands without 'fails', with verbs that make a call; remove it`);
  }
  for (const [index, name] of (mayFail ?? []).entries()) {
    checkErrno(name, blame.below('mayFail', index));
  }
  if (mayRefuse !== undefined && (verb !== 'import' || fails !== undefined)) {
    blame.key(['mayRefuse'], `only an 'import' without 'fails' may be refused; remove it`);
  }
  for (const [index, name] of (mayRefuse ?? []).entries()) {
    checkErrno(name, blame.below('mayRefuse', index));
  }
  if (step.within !== undefined && (verb !== 'fdInfo' || step.gives === undefined)) {
    blame.key(['within'], `it is how long an 'fdInfo' may take to give what it 'gives'; remove it`);
  }
  const least = durationMs(takes?.atLeast ?? '0s') ?? 0;
  const most = takes?.atMost === undefined ? undefined : durationMs(takes.atMost);
  if (most !== undefined && least > most) {
    blame.value(['takes'], `'atLeast' is longer than 'atMost'; swap them`);
  }
}

function checkErrno(name: string, blame: Blame): void {
  const number = errnoNumber(name);
  if (number === undefined) {
    blame.value([], `'${name}' is no errno; ${hint(name, errnoNames())}`);
  } else if (isKernelInternalErrno(number)) {
    blame.value([], `'${name}' never leaves a sound kernel, so no case can ask for it`);
  } else if (errnoName(number) !== name) {
    blame.value([], `'${name}' is another name of ${errnoName(number)}; write that`);
  }
}

function errnoNames(): string[] {
  const largest = 133;
  const names = Array.from({ length: largest }, (_, index) => errnoName(index + 1));
  return names.filter((name) => !name.includes(' '));
}

/** Checks `as` and the fields under `gives`; those of an ioctl are checked with its command. */
export function checkResult(step: Step, verb: Verb, result: Entry | undefined, blame: Blame): void {
  if (result === undefined) {
    for (const key of ['as', 'gives'] as const) {
      if (step[key] === undefined) continue;
      blame.key([key], `'${verb}' gives nothing; remove '${key}'`);
    }
    return;
  }
  if (verb === 'ioctl') return;
  for (const field of Object.keys(step.gives ?? {})) {
    const wrong = fieldProblem(verb, field, result);
    if (wrong !== undefined) blame.key(['gives', field], wrong);
  }
}
