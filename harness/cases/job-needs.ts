import type { Step } from '../../cases/types.gen.ts';
import type { Capability } from '../../providers/contract.ts';
import type { Scope } from './scope.ts';

/** The buffer or the job that a verb of jobs acts on. */
export function jobReference(step: Step): string | undefined {
  return (step.submitCopy ?? step.submitFill)?.target ?? step.waitJob?.job;
}

/** What a job asks of its device; every device that has jobs can wait for them. */
export function jobCapabilities(step: Step, scope: Scope): Capability[] {
  const { submitCopy, submitFill } = step;
  const job = submitCopy ?? submitFill;
  if (job === undefined) return [];
  const buffers = [submitCopy?.source, job.target].map((name) => scope.get(name?.slice(1) ?? ''));
  const syncobjs = job.syncobjsIn ?? job.syncobjsOut;
  return [
    submitCopy === undefined ? 'job-fill' : 'job-copy',
    ...(job.fenceIn === undefined ? [] : (['job-fence-in'] as const)),
    ...(job.fenceOut === true ? (['job-fence-out'] as const) : []),
    ...(syncobjs === undefined ? [] : (['job-syncobj'] as const)),
    ...(buffers.some((buffer) => buffer?.imported === true) ? (['job-imported'] as const) : []),
  ];
}
